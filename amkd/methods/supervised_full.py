"""A reference: plain training on the ground-truth labels of all images of the data set."""

from amkd.methods.base import AllImages, Method

METHOD = Method(first=AllImages(), true_labels=True)
