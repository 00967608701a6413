"""Loads images, mixes them, and describes mixes by records."""
