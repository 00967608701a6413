"""Output of a run for people and files: progress bars, log, text, plots and pages."""
