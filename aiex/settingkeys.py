"""The table of settings: every key with its type, default, bounds and one line of help.

Reading, checking, the JSON schema and the reference page all come from here; a new setting is one new row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Value = str | int | float | list[str]
Kind = Literal["text", "integer", "number", "list"]


@record
class Key:
    """One setting. A `*` in the name stands for a name of the person's choice."""

    name: str
    kind: Kind
    default: Value
    help: str
    choices: tuple[str, ...] = ()
    minimum: float = 0
    url: bool = False
    clamp: Literal["fixed", "highest", "subset", "strictest", "adds"] = "fixed"
    """What a managed policy's value means: the value itself, the highest allowed, the entries allowed, the first of the
    choices that is allowed, or entries that count beside those of every other file."""
    tighten_only: bool = False
    """A project may only take entries away from what the person allowed, or make a choice that stands after theirs."""


_S = "seconds"
KEYS: Final = (
    Key("model", "text", "offline", "Who answers: `provider/model`, a model of `openai`, or `offline`."),
    Key("budget_tokens", "integer", 12_000, "Most tokens of context put into one request.", minimum=1, clamp="highest"),
    Key("output.format", "text", "text", "Form of the answer on stdout.", choices=("text", "json", "stream-json")),
    Key("output.color", "text", "auto", "When to use colour.", choices=("auto", "always", "never")),
    Key(
        "screen.theme", "text", "auto", "Colours of the screen.", choices=("auto", "dark", "light", "contrast", "plain")
    ),
    Key("screen.keys", "text", "plain", "Keys of the prompt: `plain`, or `vim`.", choices=("plain", "vim")),
    Key("screen.notify_after_s", "number", 20, "Seconds of work after which its end rings the bell; 0 for never."),
    Key(
        "screen.reader", "text", "off", "Plain lines for a screen reader in place of the screen.", choices=("off", "on")
    ),
    Key(
        "catalogue.url",
        "text",
        "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
        "Where `aiex list models --refresh` fetches windows and prices; nothing else asks there.",
        url=True,
    ),
    Key("fallback_models", "list", [], "Who answers when `model` cannot, in order, each as `provider/model`."),
    Key("providers.*.protocol", "text", "auto", "The wire protocol that the server speaks; `auto` knows the vendors'."),
    Key("providers.*.base_url", "text", "", "Where the server is, up to and including the version path.", url=True),
    Key("providers.*.api_key_env", "text", "", "Name of the environment variable that holds the key; empty for none."),
    Key(
        "providers.*.api_key_command",
        "text",
        "",
        "Program and arguments that print the key, such as `pass show openai`.",
    ),
    Key("providers.*.auth_token_env", "text", "", "Name of the environment variable that holds a bearer token."),
    Key("providers.*.oauth_issuer", "text", "", "Who `aiex login` signs in with, where it is not built in.", url=True),
    Key("providers.*.oauth_client_id", "text", "", "The client that `aiex login` is registered as at `oauth_issuer`."),
    Key("providers.*.oauth_scopes", "list", ["openid", "offline_access"], "What `aiex login` asks `oauth_issuer` for."),
    Key("providers.*.connect_timeout_s", "number", 10, f"Longest wait for a connection, {_S}.", clamp="highest"),
    Key("providers.*.first_byte_timeout_s", "number", 60, f"Longest wait for the first byte, {_S}.", clamp="highest"),
    Key("providers.*.idle_timeout_s", "number", 60, f"Longest silence inside an answer, {_S}.", clamp="highest"),
    Key("providers.*.total_timeout_s", "number", 900, f"Longest time for a whole call, {_S}.", clamp="highest"),
    Key("providers.*.requests_per_minute", "integer", 0, "Requests a minute of each model and key; 0 for no limit."),
    Key("providers.*.tokens_per_minute", "integer", 0, "Tokens a minute of each model and key; 0 for no limit."),
    Key("providers.*.requests_per_day", "integer", 0, "Requests a day of each model and key; 0 for no limit."),
    Key("providers.*.tokens_per_day", "integer", 0, "Tokens a day of each model and key; 0 for no limit."),
    Key("checks.repairs", "integer", 2, "How often a model is asked to mend checks that fail behind its work."),
    Key("budget.cost_usd", "number", 0, "US dollars one run may spend; 0 for no limit."),
    Key("budget.tokens", "integer", 0, "Tokens one run may use, in and out; 0 for no limit."),
    Key("budget.calls", "integer", 0, "Requests one run may send; 0 for no limit."),
    Key(
        "sandbox.mode",
        "text",
        "workspace-write",
        "What commands of a model may write: anything (`off`; each one asks), the workspace, or nothing.",
        choices=("off", "workspace-write", "read-only"),
        clamp="strictest",
        tighten_only=True,
    ),
    Key("budget.turns", "integer", 0, "Answers that a model gives in one run of an agent at most; 0 for no limit."),
    Key("budget.tool_calls", "integer", 0, "Calls of tools in one run of an agent at most; 0 for no limit."),
    Key("budget.time_s", "number", 0, "Seconds after which a run sends no more requests; 0 for no limit."),
    Key(
        "paths.allow_read",
        "list",
        [],
        "Places outside the workspace that may be read; also, named exactly, a file that is taken for a secret.",
        clamp="subset",
        tighten_only=True,
    ),
    Key(
        "paths.allow_write",
        "list",
        [],
        "Directories outside the workspace that may be written.",
        clamp="subset",
        tighten_only=True,
    ),
    Key(
        "policy.rules",
        "list",
        [],
        'Rules such as `deny write "migrations/**"`; each file adds its own, and `aiex list policy` shows all.',
        clamp="adds",
    ),
    Key(
        "policy.mode",
        "text",
        "ask",
        "What is done unasked where no rule says anything, from the loosest to the strictest.",
        choices=("bypass", "auto", "accept-edits", "ask", "deny", "plan"),
        clamp="strictest",
        tighten_only=True,
    ),
    Key(
        "policy.role",
        "text",
        "admin",
        "On whose behalf things are done, from the one who may do most to the one who may do least.",
        choices=("admin", "operator", "editor", "viewer"),
        clamp="strictest",
        tighten_only=True,
    ),
    Key(
        "keys.store",
        "text",
        "auto",
        "Where `aiex set key` keeps keys; `auto` is the keyring of the system, else the encrypted file.",
        choices=("auto", "keyring", "file"),
    ),
    Key(
        "audit.mode",
        "text",
        "on",
        "Whether actions go on record; with `required` none happens whose record cannot be written.",
        choices=("off", "on", "required"),
        tighten_only=True,
    ),
    Key(
        "audit.heads",
        "text",
        "",
        "A file, best on another disk, that gets the end of the audit log too, for `aiex verify audit --heads FILE`.",
        tighten_only=True,
    ),
    Key(
        "sessions.record",
        "text",
        "on",
        "Whether conversations and steps are kept, to be resumed, searched and taken back.",
        choices=("off", "on"),
        tighten_only=True,
    ),
    Key(
        "sessions.encrypt",
        "text",
        "off",
        "Whether new sessions are sealed with a key of their own; erasing that key erases the session.",
        choices=("off", "on"),
        tighten_only=True,
    ),
    Key(
        "sessions.store",
        "text",
        "sqlite",
        "Where sessions are kept: a file of this machine, or the PostgreSQL server of `sessions.url_env`.",
        choices=("sqlite", "postgres"),
        tighten_only=True,
    ),
    Key(
        "sessions.url_env",
        "text",
        "AIEX_SESSIONS_URL",
        "Name of the environment variable that holds the address of that server.",
        tighten_only=True,
    ),
    Key(
        "checkpoints.mode",
        "text",
        "on",
        "Whether a checkpoint is taken before every step that may change files.",
        choices=("off", "on"),
        tighten_only=True,
    ),
    Key("checkpoints.include", "list", [], "Patterns of ignored files that checkpoints cover too, as in `.gitignore`."),
    Key("checkpoints.max_file_mb", "number", 100, "Larger files are left out of checkpoints, and named."),
    Key("checkpoints.keep_days", "number", 30, "Older checkpoints are removed, unless tagged; 0 keeps them."),
    Key("checkpoints.keep_number", "integer", 500, "Of more checkpoints the oldest go, unless tagged; 0 for no limit."),
    Key(
        "checkpoints.max_mb",
        "number",
        2000,
        "Beyond this size the oldest checkpoints go, unless tagged; 0 for no limit.",
    ),
    Key("context.ignore", "list", [], "Patterns of files to leave out, as in `.gitignore`."),
    Key(
        "context.embeddings",
        "text",
        "",
        "Who makes vectors of code and questions, to find code by its meaning too: `provider/model`; empty for nobody.",
    ),
    Key("context.workers", "integer", 0, "Processes that parse; 0 means one for each core."),
    Key("review.disable", "list", [], "Rules that `aiex review` leaves out, such as `todo-without-reference`."),
    Key("retry.max_attempts", "integer", 5, "Most requests to one model for one answer, the first counted.", minimum=1),
    Key("retry.max_wait_s", "number", 120, "Longest wait that a vendor may ask for; beyond it the next one is asked."),
    Key("chaos.rate", "number", 0, "Share of requests that are broken on purpose, 0 to 1, to see what happens then."),
    Key("chaos.seed", "integer", 1, "Decides which requests `chaos.rate` breaks, and how."),
    Key(
        "checks.commands",
        "list",
        [],
        "Commands that have to end well before the work of an agent is done, such as `pytest -q`; empty to find them.",
    ),
    Key(
        "log.level",
        "text",
        "warning",
        "Least severe message that goes to the log file.",
        choices=("debug", "info", "warning", "error"),
    ),
)
LOADING_S: Final = 300
"""A server on this machine may load the model before it answers."""
BUILT_IN_PROVIDERS: Final[Mapping[str, Mapping[str, Value]]] = {
    "openai": {"base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"},
    "anthropic": {
        "base_url": "https://api.anthropic.com",
        "api_key_env": "ANTHROPIC_API_KEY",
        "auth_token_env": "ANTHROPIC_AUTH_TOKEN",
    },
    "gemini": {"base_url": "https://generativelanguage.googleapis.com", "api_key_env": "GEMINI_API_KEY"},
    "ollama": {"base_url": "http://127.0.0.1:11434", "api_key_env": "", "first_byte_timeout_s": LOADING_S},
    "openrouter": {"base_url": "https://openrouter.ai/api/v1", "api_key_env": "OPENROUTER_API_KEY"},
    "groq": {"base_url": "https://api.groq.com/openai/v1", "api_key_env": "GROQ_API_KEY"},
    "deepseek": {"base_url": "https://api.deepseek.com", "api_key_env": "DEEPSEEK_API_KEY"},
    "mistral": {"base_url": "https://api.mistral.ai/v1", "api_key_env": "MISTRAL_API_KEY"},
    "lmstudio": {"base_url": "http://127.0.0.1:1234/v1", "api_key_env": "", "first_byte_timeout_s": LOADING_S},
    "llamacpp": {"base_url": "http://127.0.0.1:8080/v1", "api_key_env": "", "first_byte_timeout_s": LOADING_S},
    "vllm": {"base_url": "http://127.0.0.1:8000/v1", "api_key_env": "", "first_byte_timeout_s": LOADING_S},
}
_BY_NAME = {key.name: key for key in KEYS}
SECRET_NAMES: Final = frozenset({"api_key", "apikey", "api_token", "access_token", "token", "secret", "password"})


def find_key(name: str) -> Key | None:
    """The row for a dotted name such as `providers.local.base_url`; None when there is none."""
    if name in _BY_NAME:
        return _BY_NAME[name] if "*" not in name else None
    head, _, rest = name.partition(".")
    provider, _, field = rest.rpartition(".")
    return _BY_NAME.get(f"providers.*.{field}") if head == "providers" and provider else None


def provider_of_key(name: str) -> str:
    """The provider a key such as `providers.local.base_url` is about, empty for other keys."""
    head, _, rest = name.partition(".")
    return rest.rpartition(".")[0] if head == "providers" else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the most similar known name, or lists what there is when none is similar."""
    import difflib

    names = sorted(known)
    similar = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if similar:
        return f"did you mean {similar[0]}?"
    return f"there is: {', '.join(names)}" if names else ""


def nearest_key(name: str) -> str:
    """As `nearest`, among the settings; the `*` of the table takes the provider's name from `name`."""
    provider = provider_of_key(name) or "NAME"
    return nearest(name, (key.name.replace("*", provider) for key in KEYS))


def is_secret_name(name: str) -> bool:
    """Whether a key by this name would hold a secret, which never belongs into a configuration file."""
    return name.rpartition(".")[2].lower().replace("-", "_") in SECRET_NAMES


def problem_with(key: Key, value: object) -> str:
    """Why `value` cannot be the value of `key`, as "expected …"; empty when it can."""
    match key.kind:
        case "text":
            return _problem_with_text(key, value)
        case "list":
            good = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
            return "" if good else "expected a list of strings"
        case "integer":
            good = isinstance(value, int) and not isinstance(value, bool) and value >= key.minimum
            return "" if good else f"expected a whole number of at least {int(key.minimum)}"
        case "number":
            good = isinstance(value, int | float) and not isinstance(value, bool)
            return "" if good and key.minimum <= float(str(value)) < float("inf") else "expected a number, 0 or more"


def _problem_with_text(key: Key, value: object) -> str:
    if not isinstance(value, str):
        return "expected a string"
    if key.choices and value not in key.choices:
        return f"expected one of {', '.join(key.choices)}"
    if key.url and value and not value.startswith(("http://", "https://")):
        return "expected an address that begins with https:// or http://"
    if key.name == "model" and (not value or value != value.strip() or value.startswith("/") or value.endswith("/")):
        return "expected provider/model or offline"
    if key.name == "context.embeddings" and value and not all(map(str.strip, value.partition("/"))):
        return "expected provider/model, or nothing"
    return ""


def value_from_text(key: Key, text: str) -> object:
    """What words from a command line or the environment mean for this key; TOML syntax, quotes optional.

    A list may also be written with commas. What does not fit is given back as it is, for `problem_with` to name.
    """
    text = text.strip()
    if text[:1] in ('"', "'", "["):
        return _from_toml(text)
    match key.kind:
        case "text":
            return text
        case "list":
            return [item.strip() for item in text.split(",") if item.strip()]
        case "integer" | "number":
            for convert in (int, float) if key.kind == "number" else (int,):
                try:
                    return convert(text)
                except ValueError:
                    continue
            return text


def _from_toml(text: str) -> object:
    import tomllib

    from aiex.configfile import read_toml

    try:
        return read_toml(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


# --- the vendors' own variables -------------------------------------------------------------------------------------

VENDOR_URLS = {
    "OPENAI_BASE_URL": "openai",
    "ANTHROPIC_BASE_URL": "anthropic",
    "GOOGLE_GEMINI_BASE_URL": "gemini",
}
"""Variables in which the vendors' own SDKs look for another address."""


def vendor_values(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Key, value and variable of what the vendors' own variables say about the built-in providers.

    It takes the place of what is built in, and any setting of Aiex is stronger. Address and key change together, so a
    key named by such a variable goes where the vendor's own tools would send it.
    """
    for variable, provider in VENDOR_URLS.items():
        if url := environ.get(variable, "").strip():
            yield f"providers.{provider}.base_url", _to_url(url), variable
    if host := environ.get("OLLAMA_HOST", "").strip():
        yield "providers.ollama.base_url", _to_url(host, port=11_434), "OLLAMA_HOST"
    if environ.get("GOOGLE_API_KEY", "").strip():
        yield "providers.gemini.api_key_env", "GOOGLE_API_KEY", "GOOGLE_API_KEY"


def _to_url(text: str, *, port: int = 0) -> str:
    """An address as `OLLAMA_HOST` has it: `host`, `:port`, `host:port` or a whole URL; every interface means here."""
    if "://" in text:
        return text
    host, _, number = text.rpartition(":") if text.rpartition(":")[2].isdigit() else (text, "", "")
    host = "127.0.0.1" if host in ("", "0.0.0.0", "[::]") else host  # noqa: S104  (asked, not listened on)
    number = number or (str(port) if port else "")
    return f"http://{host}" + (f":{number}" if number else "")
