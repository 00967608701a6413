"""What every room uses: errors, random streams, files, stop signals, compilation, devices,
checkpoints.
"""
