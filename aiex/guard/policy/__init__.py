"""What may happen, as a person wrote it down: rules, where they come from, and the decision on one action."""
