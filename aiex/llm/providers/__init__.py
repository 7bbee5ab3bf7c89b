"""One file per wire protocol; each offers `PROVIDER`."""
