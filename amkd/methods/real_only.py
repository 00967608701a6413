"""Distillation on the real images alone, without mixes: shows the effect of their queries."""

from amkd.methods.base import Method

METHOD = Method()
