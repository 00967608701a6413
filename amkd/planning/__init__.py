"""What a run will ask, cost and need, before anything is asked."""
