"""Reviewing a change: what changed, the rules that look at it, and how what they find is told."""
