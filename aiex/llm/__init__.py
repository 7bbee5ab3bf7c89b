"""Whom to ask: providers, their protocols, and the way to them."""
