"""Acquisition scores for students with dense outputs: a class for every pixel, or lanes.

Every method of this package distils classifiers, of one class for each image; so none uses these
scores. They are pure functions, for an acquisition of your own whose student has such outputs; see
:class:`amkd.acquisitions.base.Acquisition`.
"""
