"""What a server's complaint means for the caller: every shape of error answer becomes one error of the tree.

Shapes seen in the field: `{error: {message, type, code}}`, `{error: "text"}`, `{message}`, `{detail: …}`, a list of any
of these, an HTML page of a proxy, nothing at all; and the same objects inside a stream that began with status 200.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiex.errors import AiexError, ContextOverflow, NotSignedIn, ProviderError, Rejected, Transient
from aiex.llm.wire import Profile

MAX_WORDS = 600
"""Characters of a server's message that are worth showing."""


class UnknownModel(Rejected):
    """The server has no such model, or, when it gave only status 404, perhaps no such path.

    The router asks for the server's models and then says which, before anybody sees this.
    """

    def __init__(self, model: str, said: str, *, is_certain: bool) -> None:
        doubt = "" if is_certain else ", or the address is wrong"
        super().__init__(f"model {model!r} unknown{doubt}: {said}", hint=_HINT_404)
        self.said = said


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a server said went wrong, whatever the shape; absent fields are empty, an unknown status is 0."""

    status: int
    message: str
    kind: str = ""
    code: str = ""
    extra: Mapping[str, Any] | None = None

    def names(self, *values: str) -> bool:
        """Whether the server's code or type is one of these."""
        return self.code in values or self.kind in values


def read_body(status: int, body: bytes) -> Complaint:
    """The complaint in an error answer's body."""
    try:
        value = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return Complaint(status, _words_of_page(body))
    return read_value(status, value)


def read_value(status: int, value: Any) -> Complaint:
    """The complaint in decoded JSON of any shape."""
    if isinstance(value, list):
        return read_value(status, value[0]) if value else Complaint(status, "")
    if not isinstance(value, dict):
        return Complaint(status, _words(value))
    inner = value.get("error")
    if isinstance(inner, dict):
        found = _read_fields(status, inner)
        return found if found.message else Complaint(status, _words(inner), found.kind, found.code, inner)
    if isinstance(inner, str) and inner:
        return Complaint(status, _words(value.get("message") or inner), _name(value.get("type")), inner, value)
    return _read_fields(status, value)


def _read_fields(status: int, value: Mapping[str, Any]) -> Complaint:
    message = value.get("message") or value.get("detail") or value.get("msg") or value.get("error_description") or ""
    code = value.get("code")
    return Complaint(
        status or _as_status(code) or _as_status(value.get("status")),
        _words(message),
        _name(value.get("type") or value.get("status")),
        _name(code),
        value,
    )


def _as_status(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:4])
    return value if type(value) is int and 400 <= value <= 599 else 0


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _words(value: Any) -> str:
    """One printable line from whatever a server put where its message belongs."""
    if isinstance(value, list):
        value = "; ".join(filter(None, (_words(item) for item in value)))
    elif isinstance(value, dict):
        inner = value.get("message") or value.get("msg") or value.get("detail")
        value = inner if isinstance(inner, str) and inner else json.dumps(value, ensure_ascii=False)
    text = value if isinstance(value, str) else ("" if value is None else str(value))
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MAX_WORDS]).split())
    return text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + "…"


def _words_of_page(body: bytes) -> str:
    text = body[:65536].decode("utf-8", "replace").strip()
    if not text.startswith("<"):
        return _words(text)
    title = re.search(r"<title[^>]*>([^<]{1,300})", text, re.IGNORECASE)
    return f"an HTML page ({_words(title[1])})" if title else "an HTML page"


# --- meaning --------------------------------------------------------------------------------------------------------

_STATUS_OF = {
    "rate_limit_exceeded": 429, "rate_limit_error": 429, "rate_limit": 429, "too_many_requests": 429,
    "insufficient_quota": 429,
    "invalid_api_key": 401, "authentication_error": 401, "unauthorized": 401,
    "permission_error": 403, "permission_denied": 403, "forbidden": 403,
    "model_not_found": 404, "not_found_error": 404, "notfounderror": 404,
    "invalid_request_error": 400, "badrequesterror": 400, "bad_request": 400, "invalid_prompt": 400,
    "context_length_exceeded": 400, "exceed_context_size_error": 400, "content_filter": 400,
    "timeout": 504, "timeout_error": 504,
    "overloaded": 503, "overloaded_error": 503, "service_unavailable": 503, "unavailable_error": 503,
    "server_error": 500, "api_error": 500, "internal_server_error": 500, "internalservererror": 500,
}  # fmt: skip
"""Statuses of complaints that come without one, as inside a stream. Sources: the API references of OpenAI and
OpenRouter, and the servers of vLLM and llama.cpp, November 2026."""

_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error")

_OVERFLOW = re.compile(
    r"maximum context length|exceeds? the (?:model'?s? )?context (?:window|length)|context[_ ]length[_ ]exceeded"
    r"|prompt is too long|exceeds the available context size|exceeds the maximum number of tokens allowed"
    r"|maximum input length|longer than the model'?s context length",
    re.IGNORECASE,
)
_UNKNOWN_MODEL = re.compile(
    r"model\b.{0,120}\b(?:does not exist|not found|is not found|not exist)|unknown model|no such model"
    r"|not a valid model|invalid model name|invalid model id",
    re.IGNORECASE | re.DOTALL,
)


def explain(complaint: Complaint, profile: Profile, headers: Mapping[str, str] | None = None) -> AiexError:
    """The error of the tree for a complaint; `headers` are those of the answer, names in lower case."""
    status = complaint.status or _STATUS_OF.get(complaint.code.lower()) or _STATUS_OF.get(complaint.kind.lower()) or 500
    said = f"{profile.provider} ({profile.base_url}) answered {status}" + _quoted(complaint.message)
    if _is_overflow(complaint, status):
        return _to_overflow(complaint, profile)
    if status in (401, 403):
        return NotSignedIn(f"{profile.provider} refused the key or the permission: {said}")
    if complaint.names(*_QUOTA) or status == 402:
        return Rejected(f"the account's quota is used up: {said}", hint="check plan and billing at the vendor")
    certain = _is_unknown_model(complaint, status)
    if certain or status == 404:
        return UnknownModel(profile.model, said, is_certain=certain)
    return _from_status(status, said, complaint, headers or {})


_HINT_404 = "check the model's name, and the base URL: with most servers it ends in /v1"


def _from_status(status: int, said: str, complaint: Complaint, headers: Mapping[str, str]) -> ProviderError:
    if status == 429:
        return Transient(
            f"rate limit: {said}", hint="wait a moment and try again", retry_after_s=read_delay_s(headers, complaint)
        )
    if status in (408, 409, 425) or status >= 500:
        return Transient(
            said, hint="the server has trouble; try again later", retry_after_s=read_delay_s(headers, complaint)
        )
    if status == 413:
        return ContextOverflow(said, hint="send less: a smaller --budget")
    if status in (405, 501):
        return Rejected(said, hint="check the base URL: with most servers it ends in /v1")
    return Rejected(said)


def _quoted(message: str) -> str:
    return f": {message}" if message else " without a message"


def _is_overflow(complaint: Complaint, status: int) -> bool:
    if complaint.names("context_length_exceeded", "exceed_context_size_error"):
        return True
    if complaint.names("string_above_max_length") or not 400 <= status < 500 or status in (401, 403, 429):
        return False
    return bool(_OVERFLOW.search(complaint.message))


def _is_unknown_model(complaint: Complaint, status: int) -> bool:
    if complaint.names("model_not_found", "model_not_available"):
        return True
    return status in (400, 404, 422) and bool(_UNKNOWN_MODEL.search(complaint.message))


_NEEDED_THEN_LIMIT = re.compile(r"\(?(\d+) tokens\)?\D{0,60}?(?:>|context size \()\s*(\d+)")
_LIMIT = re.compile(
    r"(?:maximum context length is|context (?:window|length|size) (?:is|of|\()) ?\(?(\d+)", re.IGNORECASE
)
_NEEDED = re.compile(r"(?:requested|resulted in|has|contains|passed)(?: about| at least)? (\d+) (?:input )?tokens")


def _to_overflow(complaint: Complaint, profile: Profile) -> ContextOverflow:
    extra, text = complaint.extra or {}, complaint.message.replace(",", "")
    both = _NEEDED_THEN_LIMIT.search(text)
    needed = extra.get("n_prompt_tokens") or (both and both[1]) or _first(_NEEDED, text)
    limit = extra.get("n_ctx") or (both and both[2]) or _first(_LIMIT, text)
    return ContextOverflow(
        f"the request is larger than the window of {profile.model}" + _quoted(complaint.message),
        hint="send less with a smaller --budget, or take a model with a larger window",
        needed_tokens=_count(needed),
        limit_tokens=_count(limit),
    )


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | str) and str(value)[:12].isdigit() else None


# --- delays ---------------------------------------------------------------------------------------------------------

_IN_TEXT = re.compile(r"(?:try again|retry)(?: in| after)? ((?:\d+(?:\.\d+)?(?:ms|h|m|s)\s?)+)", re.IGNORECASE)
_UNIT = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_delay_s(headers: Mapping[str, str], complaint: Complaint) -> float | None:
    """Seconds the vendor asks to wait: `retry-after-ms`, `retry-after` (number or date), else words like 7m12s."""
    milliseconds = _to_float(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    wish = headers.get("retry-after", "")
    seconds = _to_float(wish)
    if seconds is not None:
        return seconds
    if wish:
        return _until(wish)
    found = _IN_TEXT.search(complaint.message)
    return round(sum(float(n) * _SECONDS[u.lower()] for n, u in _UNIT.findall(found[1])), 3) if found else None


def _to_float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*\d{1,9}(?:\.\d{1,9})?\s*", text) else None


def _until(date: str) -> float | None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
