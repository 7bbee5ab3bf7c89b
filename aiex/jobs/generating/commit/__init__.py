"""A commit message from what changed, in the manner of the commits that are there; no model is asked."""
