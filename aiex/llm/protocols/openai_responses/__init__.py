"""OpenAI Responses, the protocol of OpenAI's own models."""
