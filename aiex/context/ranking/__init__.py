"""Which files and which spans of code come first for a request, without a model."""
