"""The material of acquisitions: candidates and their features, a committee, and the mathematics of
the choice.
"""
