"""Databases of the context engine beside its tiers."""
