"""Modules that every package uses: errors, random streams, files, stop signals, compilation,
devices, checkpoints.
"""
