"""Configurations: one file for each experiment, which begins with a description."""
