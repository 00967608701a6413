"""The configuration as plain frozen data: fields, defaults, parsing, and what makes two runs the
same.
"""
