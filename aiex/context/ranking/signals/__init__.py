"""One file per reason why a file may matter; each offers `SIGNAL`."""

ROOM = "aiex.context.ranking.signals"
