"""The agent: a loop that asks a model and runs its tools, and the edits that it makes."""
