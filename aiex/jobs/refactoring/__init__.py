"""Refactorings that need no model: what a change of code is, how it is found, and how it lands."""
