"""One file per noun; each offers `NOUN` with its verbs."""
