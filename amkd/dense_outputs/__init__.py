"""Acquisition scores of dense outputs (a class for every pixel or lane). No method uses them
yet.
"""
