"""What a run will query, cost and need, before any query."""
