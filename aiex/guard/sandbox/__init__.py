"""Paths, files and processes inside the roots."""
