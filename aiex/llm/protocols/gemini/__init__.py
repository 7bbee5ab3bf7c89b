"""Gemini generateContent, the protocol of Google's own models."""
