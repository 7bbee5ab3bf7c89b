"""What Ollama's complaints mean, beyond what they have in common with those of other servers."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiex.errors import AiexError, NotSignedIn, Rejected
from aiex.llm import failures
from aiex.llm.failures import Complaint, UnknownModel
from aiex.llm.wire import Profile
from aiex.patterns import late

_OVERFLOW = late(
    r"prompt is longer than the context length|input length exceeds the context length"
    r"|prompt too long; exceeded (?:max )?context length",
    re.IGNORECASE,
)
"""What the server says with `truncate` off, with `shift` off, and in the cloud. Versions before 0.30 say it with status
500. Source: ollama/ollama llm/llama_server.go and runner/, November 2026."""

_QUOTA = late(r"\b(?:hourly|daily|weekly|monthly|session)?\s?usage limit", re.IGNORECASE)
"""The cloud's words for a plan that is used up; waiting a moment does not help."""

_STATUS_OF = (
    (late(r"model\b.{0,200}\bnot found", re.IGNORECASE | re.DOTALL), 404),
    (late(r"\bunauthorized\b", re.IGNORECASE), 401),
    (late(r"server busy|maximum pending requests", re.IGNORECASE), 503),
    (late(r"rate limit|too many (?:concurrent )?requests", re.IGNORECASE), 429),
)
"""Statuses of complaints that come without one, as inside a stream."""

_HINTS = (
    ("requires more system memory", "take a smaller model, or let go of another one with `ollama stop`"),
    ("does not support tools", "take a model that calls tools; `ollama show` names what one can do"),
    ("does not support thinking", "ask without an effort, or take a model that thinks"),
)


def explain(complaint: Complaint, profile: Profile, headers: Mapping[str, str] | None = None) -> AiexError:
    """The error of the tree for a complaint; `headers` are those of the answer, names in lower case."""
    complaint = _unwrap(complaint)
    if _OVERFLOW.search(complaint.message) and complaint.status not in (401, 403, 429):
        complaint = replace(complaint, code="context_length_exceeded")
    elif complaint.status in (0, 429) and _QUOTA.search(complaint.message):
        complaint = replace(complaint, status=429, code="insufficient_quota")
    elif not complaint.status:
        status = next((status for words, status in _STATUS_OF if words.search(complaint.message)), 0)
        complaint = replace(complaint, status=status)
    error = failures.explain(complaint, profile, headers)
    match error:
        case NotSignedIn():
            error.hint = _hint_sign_in(complaint.extra or {})
        case UnknownModel():
            error.hint = f"get it with `ollama pull {profile.model}`, or check the base URL"
        case Rejected():
            error.hint = next((hint for words, hint in _HINTS if words in complaint.message), error.hint)
    return error


def _unwrap(complaint: Complaint) -> Complaint:
    """The complaint itself: the status may stand beside it, and an error of the engine below comes as JSON in text."""
    extra = complaint.extra or {}
    status = complaint.status or _status_in(extra)
    inner = _parse(extra.get("error"))
    if inner is None:
        return replace(complaint, status=status)
    found = failures.read_value(status, inner)
    return found if found.message else replace(complaint, status=status)


def _parse(text: Any) -> Any:
    """The value of a text that is a JSON object; None for any other."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _status_in(extra: Mapping[str, Any]) -> int:
    """A status beside an error in a stream: 503, or "503 Service Unavailable"."""
    for name in ("status", "status_code", "StatusCode", "Status"):
        value = extra.get(name)
        if isinstance(value, str) and re.match(r"\d{3}(?!\d)", value):
            value = int(value[:3])
        if type(value) is int and 400 <= value <= 599:
            return value
    return 0


def _hint_sign_in(extra: Mapping[str, Any]) -> str:
    """Where to sign in, if that is at the vendor's own; empty for what the endpoint knows better."""
    url = extra.get("signin_url")
    if isinstance(url, str) and _SIGN_IN.fullmatch(url):
        return f"run `ollama signin`, or open {url}"
    return "run `ollama signin`" if url else ""


_SIGN_IN = late(r"https://(?:www\.)?ollama\.com/[!-~]{0,500}")
