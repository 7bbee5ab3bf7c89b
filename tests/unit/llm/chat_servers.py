"""Servers that speak Chat Completions, each with the quirks of its address; read by the tests of this folder."""

from urllib.parse import urlsplit

from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import Profile

PROFILE = Profile("test", "m-1", "http://127.0.0.1/v1")


def at(base_url: str, model: str) -> Profile:
    return Profile("p", model, base_url, PROVIDER.quirks(urlsplit(base_url).hostname or "", model))


DEEPSEEK = at("https://api.deepseek.com", "deepseek-v4-pro")
OPENROUTER = at("https://openrouter.ai/api/v1", "anthropic/claude-opus-5.5")
MISTRAL = at("https://api.mistral.ai/v1", "mistral-large-latest")
OPENAI = at("https://api.openai.com/v1", "gpt-6")
OLLAMA = at("http://127.0.0.1:11434/v1", "qwen4")
AZURE = at("https://x.openai.azure.com/openai/deployments/d1", "gpt-6")
SERVERS = {
    "rule": PROFILE,
    "deepseek": DEEPSEEK,
    "openrouter": OPENROUTER,
    "mistral": MISTRAL,
    "openai": OPENAI,
    "openai without thinking": at("https://api.openai.com/v1", "gpt-4o"),
    "ollama": OLLAMA,
    "azure": AZURE,
    "groq": at("https://api.groq.com/openai/v1", "openai/gpt-oss-120b"),
    "lm studio": at("http://127.0.0.1:1234/v1", "m"),
    "vllm": at("http://127.0.0.1:8000/v1", "m"),
    "llama.cpp": at("http://127.0.0.1:8080", "m"),
    "kimi": at("https://api.moonshot.ai/v1", "kimi-k3"),
}
