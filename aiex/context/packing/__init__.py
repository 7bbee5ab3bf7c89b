"""What fits: code and talk within a number of tokens, the most telling first."""
