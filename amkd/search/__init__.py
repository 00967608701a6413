"""Searching pairs of images for the lowest C2: pairs, confidence, refinement, top k."""
