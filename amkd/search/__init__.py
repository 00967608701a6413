"""The search for the pairs of images with the lowest C2: pairs, confidence, refinement, top k."""
