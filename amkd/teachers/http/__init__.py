"""Teachers behind HTTP: the Open Inference Protocol, TensorFlow Serving, and JSON services."""
