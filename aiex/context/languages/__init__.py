"""One file per language; each offers `LANGUAGE`."""
