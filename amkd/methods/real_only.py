"""Distillation on the real images alone: what their queries are worth without any mix."""

from amkd.method import Method

METHOD = Method()
