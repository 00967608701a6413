"""What acquisitions look at: candidates and their features, a committee, and the mathematics of
choosing.
"""
