"""Tests of the student as a service."""
