"""Serves a finished student over HTTP, and passes on to the teacher what it is not sure of."""
