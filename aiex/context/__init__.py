"""What to show: the parsed repository and the choice of what a request needs."""
