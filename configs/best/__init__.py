"""The best recipes found here; they differ from the paper's recipes; see results/experiments.md."""
