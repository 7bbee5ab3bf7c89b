"""One file per form of output: terminal, plain text, one JSON object, JSON lines."""
