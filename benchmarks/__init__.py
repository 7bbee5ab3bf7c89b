"""One script per claim about speed; each measures both sides of its ratio in one run."""
