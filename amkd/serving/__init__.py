"""Serves a finished student over HTTP, and sends images of which it is unsure to the teacher."""
