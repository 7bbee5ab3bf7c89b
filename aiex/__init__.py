"""Aiex, a terminal AI coding assistant that knows the code and cannot hurt the repository."""

__version__ = "0.1.0"
