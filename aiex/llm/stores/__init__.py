"""What the model layer keeps between runs, shared by all processes of this machine."""
