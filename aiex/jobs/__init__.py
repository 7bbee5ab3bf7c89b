"""The work people ask for, one verb each; every job is an async stream of events."""
