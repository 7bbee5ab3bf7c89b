"""The native protocol of Ollama."""
