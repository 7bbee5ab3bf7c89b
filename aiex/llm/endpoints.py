"""Where a model is: address, key, deadlines and quirks, from the settings.

A key goes to no other server than the one it is configured for: when a stronger source (a flag, `AIEX_BASE_URL`, a
project) moves the base URL to another server, the key named by a weaker source stays at home. `OPENAI_API_KEY`, for
one, is built in for api.openai.com and is not sent to a local server; `AIEX_API_KEY` is.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, get_args
from urllib.parse import SplitResult, urlsplit

from aiex.errors import ConfigError, NotSignedIn
from aiex.llm.wire import NO_CREDENTIAL, Codec, Credential, Profile
from aiex.record import record

if TYPE_CHECKING:
    from aiex.llm.credentials import Signer
    from aiex.settings import Origin, Settings

_SIGNED_SERVERS = frozenset(
    f"https://{host}"
    for host in (
        *("api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com", "openrouter.ai"),
        *("api.groq.com", "api.deepseek.com", "api.mistral.ai"),
    )
)
"""Servers that answer nobody without a key, so that none need be asked to know it."""


@record
class Deadlines:
    """The longest waits in seconds; 0 means no limit."""

    connect_s: float
    first_byte_s: float
    idle_s: float
    total_s: float


@record
class Endpoint:
    """A server and how to sign in there; the key shows in no representation."""

    base_url: str
    """Without a slash at its end."""
    url_place: str
    """Where the base URL was set, in words."""
    key: str = field(repr=False)
    key_env: str
    """The variable that holds the key, or would; empty when none is configured."""
    key_home: str
    """The server that the key in `key_env` is for, when it is not this one; else empty."""
    deadlines: Deadlines
    signer: "Signer | None" = None
    """Finds what signs requests when there is no `key`."""

    @property
    def credential(self) -> Credential:
        """What signs requests here; `credentials.credential_for` renews it before it is used."""
        if self.key:
            return Credential("key", self.key)
        return self.signer.credential if self.signer else NO_CREDENTIAL

    @property
    def secret(self) -> str:
        """What signs requests, for taking it out of words; looks for nothing."""
        return self.key or (self.signer.secret if self.signer else "")

    def hint_for_key(self) -> str:
        """What to do when the server wants a key, or another one."""
        if self.key:
            return f"check the key in {self.key_env}"
        if self.signer and self.signer.secret:
            return _HINTS[self.signer.place].format(provider=self.signer.sources.provider, place=self.signer.place)
        if self.signer and self.signer.elsewhere:
            return f"no key was sent: the one that is kept is for {self.signer.elsewhere} only"
        if self.key_home:
            return f"no key was sent: {self.key_env} is for {self.key_home} only; put the key into AIEX_API_KEY"
        return f"no key was sent: put it into the environment variable {self.key_env or 'AIEX_API_KEY'}"


_HINTS: "Mapping[str, str]" = defaultdict(
    lambda: "check the token in {place}",
    {
        "keyring": "set another key: aiex set key {provider}",
        "file": "set another key: aiex set key {provider}",
        "sign-in": "sign in again: aiex login {provider}",
        "command": "check what providers.{provider}.api_key_command prints",
    },
)
"""By where a refused credential was found."""


@record
class Target:
    """Everything needed to ask one model."""

    codec: Codec
    profile: Profile
    endpoint: Endpoint

    @property
    def name(self) -> str:
        """As `provider/model`."""
        return f"{self.profile.provider}/{self.profile.model}"


def find_target(settings: "Settings", model: str, environ: Mapping[str, str]) -> Target:
    """Who `provider/model` is.

    Raises:
        ConfigError: if the provider is not configured, has no base URL or a malformed one, or no model is named.
        NotSignedIn: if a vendor's own server is asked and there is no key.
    """
    provider, name = settings.provider_and_model(model)
    if not name:
        raise ConfigError(f"no model is named in {model!r}", hint=f"write -m {provider}/MODEL")
    prefix = f"providers.{provider}"
    url = settings.origin(f"{prefix}.base_url")
    base_url = parse_base_url(str(url.value), f"{prefix}.base_url", url.place)
    key_env = settings.origin(f"{prefix}.api_key_env")
    home = _key_home(url, key_env)
    endpoint = Endpoint(
        base_url=base_url,
        url_place=url.place,
        key="" if home else _read_key(str(key_env.value), environ),
        key_env=str(key_env.value),
        key_home=home,
        deadlines=Deadlines(
            *(
                float(settings.get(f"{prefix}.{phase}_timeout_s"))
                for phase in ("connect", "first_byte", "idle", "total")
            )
        ),
        signer=_find_signer(settings, provider, url, environ),
    )
    host = urlsplit(base_url).hostname or ""
    if server_of(base_url) in _SIGNED_SERVERS and not _can_sign(endpoint):
        raise NotSignedIn(f"no key for {provider} ({base_url})", hint=_hint_sign_in(endpoint))
    codec = load_codec(str(settings.get(f"{prefix}.protocol")), provider, base_url)
    profile = Profile(provider, name, base_url, codec.quirks(host, name))
    return Target(codec, profile, endpoint)


AUTO = "auto"
_BY_HOST = {
    "api.openai.com": "openai-responses",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
    "ollama.com": "ollama",
}
"""What the vendors' own servers speak; any other speaks Chat Completions unless the settings say otherwise."""
_OLLAMA_PORT = 11_434


def load_codec(protocol: str, provider: str, base_url: str) -> Codec:
    """The codec of a protocol; `auto` means the one that the server is known for.

    Raises:
        ConfigError: if there is no such protocol.
    """
    from aiex import plugins
    from aiex.settingkeys import nearest

    name = protocol if protocol != AUTO else _guess_protocol(base_url)
    room = "aiex.llm.providers"
    if name in plugins.names(room):
        codec = plugins.load(room, name).PROVIDER
        if isinstance(codec, Codec):
            return codec
    known = [AUTO, *(other for other in plugins.names(room) if isinstance(plugins.load(room, other).PROVIDER, Codec))]
    raise ConfigError(f"providers.{provider}.protocol is {name!r}, which is not known", hint=nearest(name, known))


def _guess_protocol(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.port == _OLLAMA_PORT and parts.path in ("", "/"):
        return "ollama"
    return _BY_HOST.get(parts.hostname or "", "openai-chat")


def _can_sign(endpoint: Endpoint) -> bool:
    return bool(endpoint.key or (endpoint.signer and endpoint.signer.may_sign))


def _hint_sign_in(endpoint: Endpoint) -> str:
    provider = endpoint.signer.sources.provider if endpoint.signer else "openai"
    variable = endpoint.key_env or "AIEX_API_KEY"
    return f"put it into the environment variable {variable}, or: aiex set key {provider}, or use --offline"


# --- address --------------------------------------------------------------------------------------------------------


def parse_base_url(text: str, key: str, place: str) -> str:
    """The address without a slash at its end.

    Raises:
        ConfigError: if it is not `http(s)://host[:port][/path]`.
    """
    problem, hint = _problem_with(text)
    if problem:
        raise ConfigError(f"cannot use {key} = {_shown(text)!r} ({place}): {problem}", hint=hint)
    return text.rstrip("/")


_EXAMPLE = "write it like https://api.openai.com/v1 or http://127.0.0.1:8000/v1"


def _problem_with(text: str) -> tuple[str, str]:
    if not text:
        return "it is empty", _EXAMPLE
    if not re.fullmatch(r"[!-~]+", text):
        return "it has blanks, control or non-ASCII characters", _EXAMPLE
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return "its host or port is malformed", _EXAMPLE
    if parts.scheme not in ("http", "https"):
        return "it does not begin with http:// or https://", _EXAMPLE
    if not parts.hostname or not port_is_valid or not re.fullmatch(r"[a-z0-9._:%-]+", parts.hostname):
        return "its host or port is malformed", _EXAMPLE
    return _problem_with_extras(parts)


def _problem_with_extras(parts: SplitResult) -> tuple[str, str]:
    if "@" in parts.netloc:
        return "it carries a user name or password", "put the key into AIEX_API_KEY instead"
    if parts.query or parts.fragment:
        return "it has a query or fragment", _EXAMPLE
    if parts.path.rstrip("/").endswith("/chat/completions"):
        return "it names the method as well", "leave /chat/completions out; it is added"
    return "", ""


def _shown(text: str) -> str:
    """An address fit for a message: a password in it stays unsaid."""
    return re.sub(r"//[^/]*@", "//…@", text)


# --- key ------------------------------------------------------------------------------------------------------------


def _key_home(url: "Origin", key_env: "Origin") -> str:
    """The server that the key is for when the base URL in effect leads elsewhere; empty when they belong together."""
    from aiex.settings import Source

    ranks = {source: rank for rank, source in enumerate(get_args(Source))}
    trusted = [place for place in (url, *url.overrode) if ranks[place.source] <= ranks[key_env.source]]
    if not key_env.value or trusted[:1] == [url]:
        return ""
    home = str(trusted[0].value) if trusted else ""
    return "" if home and server_of(home) == server_of(str(url.value)) else (server_of(home) if home else key_env.place)


def server_of(url: str) -> str:
    """Scheme, host and port: what decides where a key travels."""
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port not in (None, default) else "")


def _find_signer(settings: "Settings", provider: str, url: "Origin", environ: Mapping[str, str]) -> "Signer":
    """What may sign when the variable of the key is empty; the token or command of a weaker source stays at home."""
    from aiex.guard.keys import store_for
    from aiex.llm.credentials import Signer, Sources

    token_env = settings.origin(f"providers.{provider}.auth_token_env")
    command = settings.origin(f"providers.{provider}.api_key_command")
    sources = Sources(
        provider=provider,
        server=server_of(str(url.value)),
        store=lambda: store_for(environ, str(settings.get("keys.store"))),
        token="" if _key_home(url, token_env) else _read_key(str(token_env.value), environ),
        token_env=str(token_env.value),
        command="" if _key_home(url, command) else str(command.value),
    )
    return Signer(sources, environ)


def _read_key(variable: str, environ: Mapping[str, str]) -> str:
    """The key in a variable, without blanks around it; empty when there is none.

    Raises:
        NotSignedIn: if no HTTP header can carry it.
    """
    key = environ.get(variable, "").strip() if variable else ""
    if key and not re.fullmatch(r"[!-~]+", key):
        raise NotSignedIn(
            f"the value of {variable} cannot be a key: it has blanks, control or non-ASCII characters",
            hint=f"set {variable} again, without quotes or line breaks",
        )
    return key
