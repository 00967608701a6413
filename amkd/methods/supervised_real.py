"""Plain training on the true labels of the real images: a reference that no query can buy."""

from amkd.method import Method

METHOD = Method(labels=True)
