"""What people do with sessions: look at them, change them, carry them elsewhere, compare and replay them."""
