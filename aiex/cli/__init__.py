"""The command line door: verbs, nouns, and how results are shown."""
