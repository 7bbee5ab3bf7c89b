"""What the tools that look at files share."""
