"""May it happen? The only room that opens workspace files or starts processes."""
