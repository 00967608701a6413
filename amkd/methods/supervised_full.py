"""Plain training on the true labels of all images of the data set: a reference."""

from amkd.methods.base import Method

METHOD = Method(everything=True, labels=True)
