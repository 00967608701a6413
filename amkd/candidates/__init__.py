"""What is known of candidates, and how some of them are chosen: scores, coverage, committees, and their programs."""
