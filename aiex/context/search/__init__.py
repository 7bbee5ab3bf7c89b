"""Full-text search over pieces of code."""
