"""Tables of many runs: how they run, what is kept of each, and what is rendered from that."""
