"""Scores for students with dense outputs: a map of objects, or lanes. Pure functions.

The lanes task uses them (:mod:`amkd.tasks.lanes`). For your own acquisition and a student with
other dense outputs, see :class:`amkd.acquisitions.base.Acquisition`.
"""
