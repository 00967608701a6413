"""The configuration as plain frozen data: fields, defaults, parsing, and what makes two runs the
same.

To add a field, declare it in its group: :mod:`amkd.config.settings` lists the groups, and
:func:`amkd.config.fields.field` describes what can be declared. The command ``python -m
amkd.config.write_default`` then writes it into ``configs/default.py``; everything else follows.
"""
