"""What a shell command may do: safe, to be asked about, or forbidden, decided on its syntax tree."""
