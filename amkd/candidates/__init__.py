"""What acquisitions look at: candidates, their features, a committee, and the programs."""
