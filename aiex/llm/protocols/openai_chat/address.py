"""Where requests go and how they are signed; Azure has three kinds of addresses, everyone else one."""

from urllib.parse import quote, urlsplit

from aiex.llm.protocols.openai_chat.quirks import quirks_of
from aiex.llm.wire import Credential, Profile


def path_of(method: str, profile: Profile) -> str:
    """Where a method such as `/chat/completions` is, below the base URL.

    At Azure the base URL may be the bare resource, end in `/openai/v1` or in `/openai`, or name a deployment; the last
    two want the version of the API in the query. Source: learn.microsoft.com/azure/ai-foundry/openai/reference.
    """
    version = quirks_of(profile).api_version
    if not version:
        return method
    place = urlsplit(profile.base_url).path.rstrip("/")
    if not place:
        return f"/openai/v1{method}"
    if "/deployments/" in f"{place}/":
        return f"{method}?api-version={version}"
    if place.endswith("/openai"):
        return f"/deployments/{quote(profile.model, safe='')}{method}?api-version={version}"
    return method


def headers_for(credential: Credential, profile: Profile) -> dict[str, str]:
    """The headers that sign a request; a token from signing in is always a bearer token."""
    quirks = quirks_of(profile)
    signed: dict[str, str] = {}
    if credential.secret and quirks.key_header == "api-key" and credential.kind != "bearer":
        signed = {"api-key": credential.secret}
    elif credential.secret:
        signed = {"authorization": f"Bearer {credential.secret}"}
    return {**quirks.headers, **signed, **credential.extra}
