"""Makes images with a network whose weights are known: impressions and pseudo-examples."""
