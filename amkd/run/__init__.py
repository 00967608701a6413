"""One whole run: its facts, its rounds, its state and its results."""
