"""One file per language; each offers `LANGUAGE`."""

ROOM = "aiex.context.languages"
