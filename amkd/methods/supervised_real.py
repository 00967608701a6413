"""A reference: plain training on the real images' ground-truth labels, which no teacher gives."""

from amkd.methods.base import Method

METHOD = Method(true_labels=True)
