"""The languages that code can be made in: one file each, offering `TEMPLATE`."""

ROOM = "aiex.jobs.generating.languages"
