"""One file per rule; each offers `RULE`."""

ROOM = "aiex.jobs.reviewing.rules"
