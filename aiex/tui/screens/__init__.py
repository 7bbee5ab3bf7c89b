"""Whole views: the talk, and what is laid over it."""
