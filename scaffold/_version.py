"""The version of the distribution."""

__version__ = "0.1.0"
"""Kept here and not read from the installed metadata, which takes 10 ms."""
