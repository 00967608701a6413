"""The best recipes found here, which depart from the paper's; see results/experiments.md."""
