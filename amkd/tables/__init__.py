"""Many runs: tables, sweeps over them, what is kept of each run, and what is rendered from that."""
