"""Making Python: where packages lie, docstrings, tests, and what can be told of a function without running it."""
