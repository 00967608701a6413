"""Configurations: one file per experiment, each opening with its story."""
