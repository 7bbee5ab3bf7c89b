"""What git remembers of a repository: what changes together, what changed lately, and what commits said about it."""
