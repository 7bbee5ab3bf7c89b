"""Makes modules, functions, tests, documentation and commit messages after the manner of the project."""
