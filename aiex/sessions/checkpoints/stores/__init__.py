"""The database of checkpoints: contents in `objects`, what was taken when in `catalogue`; one file per workspace."""
