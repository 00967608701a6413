"""Scores for students with dense outputs: a map of objects, or lanes. Pure functions.

Lanes use them (:mod:`amkd.tasks.lanes`). For an acquisition of your own whose student has other
such outputs, see :class:`amkd.acquisitions.base.Acquisition`.
"""
