"""Teachers behind HTTP: the Open Inference Protocol, TensorFlow Serving, and any service that
speaks JSON.
"""
