"""What a run tells: progress, metrics, plots, pages, and its summary."""
