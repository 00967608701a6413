"""Asks the teacher: looks answers up first, keeps the budget and the pace, and retries."""
