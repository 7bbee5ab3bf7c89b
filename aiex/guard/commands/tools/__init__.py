"""One file per family of programs; each offers `TOOLS`: program → which arguments let it run unasked."""
