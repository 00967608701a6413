"""Plain training on the true labels of the real images: a reference that no query can buy."""

from amkd.methods.base import Method

METHOD = Method(true_labels=True)
