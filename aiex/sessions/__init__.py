"""What happened: an event log per session, its states as folds of it, views for reading, checkpoints of the files."""
