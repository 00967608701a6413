"""A reference: plain training on the true labels of the real images, which no teacher gives."""

from amkd.methods.base import Method

METHOD = Method(true_labels=True)
