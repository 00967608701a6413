"""Tables: many runs each; see README."""
