"""Distillation on all images of the data set, one query each: the paper's upper bound (Hinton et
al., 2015).
"""

from amkd.methods.base import AllImages, Method

METHOD = Method(first=AllImages())
