"""What an experienced engineer wants to know first about unknown code, from static analysis."""
