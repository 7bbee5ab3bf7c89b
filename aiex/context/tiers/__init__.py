"""Storage tiers of the context engine."""
