"""The formats in which models write edits; each file offers `EDIT`."""
