"""Distillation on the real images alone: what their queries are worth without any mix."""

from amkd.methods.base import Method

METHOD = Method()
