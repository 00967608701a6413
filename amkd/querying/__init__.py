"""Asking the teacher: look-up, budget, pace, retries."""
