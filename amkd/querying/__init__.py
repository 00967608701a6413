"""Asks the teacher: looks up answers first, respects the budget and the rate, and retries."""
