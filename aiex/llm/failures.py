"""What a server's complaint means for the caller: every shape of error answer becomes one error of the tree.

Shapes seen in the field: `{error: {message, type, code}}`, `{error: "text"}`, `{message}`, `{detail: …}`, a list of any
of these, an HTML page of a proxy, nothing at all; and the same objects inside a stream that began with status 200.
`find_kind` says what it means in the one vocabulary of `errors.FailureKind`, `explain` makes the error of it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from aiex.errors import AiexError, ContextOverflow, FailureKind, NotSignedIn, Rejected, Transient
from aiex.llm.wire import Profile
from aiex.patterns import late
from aiex.record import record

MAX_WORDS = 600
"""Characters of a server's message that are worth showing."""


class UnknownModel(Rejected):
    """The server has no such model, or, when it gave only status 404, perhaps no such path.

    The router asks for the server's models and then says which, before anybody sees this.
    """

    def __init__(self, model: str, said: str, *, is_certain: bool) -> None:
        doubt = "" if is_certain else ", or the address is wrong"
        super().__init__(f"model {model!r} unknown{doubt}: {said}", hint=_HINT_404, kind="not_found")
        self.said = said


class ReplayRefused(Rejected):
    """The server does not take back what it gave: signed thinking that it no longer accepts, or an item it forgot.

    The same request without its `Opaque` parts is acceptable.
    """


@record
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
    try:
        return _read_value(status, value)
    except RecursionError:
        return Complaint(status, "a message nested too deeply to be read")


def _read_value(status: int, value: Any) -> Complaint:
    if isinstance(value, list):
        return _read_value(status, value[0]) if value else Complaint(status, "")
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
    code, details = value.get("code"), value.get("details")
    inner_code = details.get("error_code") if isinstance(details, dict) else None
    return Complaint(
        status or _as_status(code) or _as_status(value.get("status")),
        _join_raw(_words(message), value.get("metadata")),
        _name(value.get("type") or value.get("status")),
        _name(inner_code) or _name(code),
        value,
    )


def _join_raw(message: str, metadata: Any) -> str:
    """A router's message with what the vendor behind it said; "Provider returned error" alone helps nobody."""
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if not isinstance(raw, str) or not raw:
        return message
    try:
        said = read_value(0, json.loads(raw)).message
    except (ValueError, RecursionError):
        said = _words(raw)
    return _words(f"{message}: {said}") if said and said not in message else message


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
    "insufficient_quota": 429, "resource_exhausted": 429,
    "invalid_api_key": 401, "authentication_error": 401, "unauthorized": 401, "unauthenticated": 401,
    "billing_error": 402,
    "permission_error": 403, "permission_denied": 403, "forbidden": 403,
    "model_not_found": 404, "not_found_error": 404, "notfounderror": 404, "not_found": 404,
    "conflict_error": 409, "aborted": 409,
    "request_too_large": 413,
    "invalid_request_error": 400, "badrequesterror": 400, "bad_request": 400, "invalid_prompt": 400,
    "invalid_argument": 400, "failed_precondition": 400, "out_of_range": 400,
    "context_length_exceeded": 400, "exceed_context_size_error": 400, "content_filter": 400,
    "timeout": 504, "timeout_error": 504, "deadline_exceeded": 504,
    "overloaded": 503, "overloaded_error": 503, "service_unavailable": 503, "unavailable_error": 503,
    "unavailable": 503, "engine_overloaded": 503,
    "server_error": 500, "api_error": 500, "internal_server_error": 500, "internalservererror": 500, "internal": 500,
}  # fmt: skip
"""Statuses of complaints that come without one, as inside a stream. Sources: the API references of OpenAI, Anthropic,
Google and OpenRouter, and the servers of vLLM and llama.cpp, November 2026."""

_QUOTA_CODES = (
    *("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"),
    *("credits_exhausted", "insufficient_credits", "insufficient_balance"),
)
_FILTER_CODES = (
    *("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "data_inspection_failed"),
    *("invalid_prompt", "bio_policy", "cyber_policy", "misalignment_policy_violation"),
)
_OVERLOAD_CODES = ("engine_overloaded", "overloaded", "overloaded_error")

_OVERFLOW = late(
    r"maximum context length|exceeds? the (?:model'?s? )?context (?:window|length)|context[_ ]length[_ ]exceeded"
    r"|prompt is too long|exceeds the available context size|exceeds the maximum number of tokens allowed"
    r"|maximum input length|longer than the model'?s context length|input length and `?max_tokens`? exceed",
    re.IGNORECASE,
)
_UNKNOWN_MODEL = late(
    r"model\b.{0,120}\b(?:does not exist|not found|is not found|not exist)|unknown model|no such model"
    r"|not a valid model|invalid model name|invalid model id",
    re.IGNORECASE | re.DOTALL,
)
_QUOTA = late(
    r"credit balance is too low|insufficient (?:credits?|balance|funds)|\bspend(?:ing)? limit|billing hard limit"
    r"|exceeded your current quota|out of credits|requires more credits",
    re.IGNORECASE,
)
_FILTERED = late(r"content management policy|violating our usage policy|flagged by our|requires moderation", re.I)
_HOPELESS = late(r"requires more (?:system )?memory|does not support (?:tools|thinking|images)|no endpoints found that")
"""Words for what trying again does not change, whatever the status: Ollama with too little memory, OpenRouter."""

HINT_URL = "check the base URL: with most servers it ends in /v1"
_HINT_404 = "check the model's name, and the base URL: with most servers it ends in /v1"
_TROUBLE = "the server has trouble; try again later"


def find_kind(complaint: Complaint, status: int) -> FailureKind:
    """What a complaint is about; never empty. `status` is what the server said or its words amount to."""
    if _is_overflow(complaint, status):
        return "context_overflow"
    if _is_filtered(complaint, status):
        return "content_filter"
    if _is_quota(complaint, status):
        return "quota"
    if status == 401 or _reason(complaint) in ("API_KEY_INVALID", "API_KEY_EXPIRED"):
        return "auth"
    if _is_unknown_model(complaint, status) and status != 403:
        return "not_found"
    return _kind_of_status(complaint, status)


def _kind_of_status(complaint: Complaint, status: int) -> FailureKind:
    if _HOPELESS.search(complaint.message.lower()):
        return "invalid_request"
    match status:
        case 403:
            return "permission"
        case 404:
            return "not_found"
        case 413:
            return "request_too_large"
        case 429:
            return "overloaded" if complaint.names(*_OVERLOAD_CODES) else "rate_limit"
        case 408 | 504 | 522 | 524:
            return "timeout"
        case 503 | 529:
            return "overloaded"
        case 409 | 425:
            return "server_error"
    if status < 500 or status == 501:
        return "invalid_request"
    return "overloaded" if complaint.names(*_OVERLOAD_CODES) else "server_error"


def explain(complaint: Complaint, profile: Profile, headers: Mapping[str, str] | None = None) -> AiexError:
    """The error of the tree for a complaint; `headers` are those of the answer, names in lower case."""
    headers = headers or {}
    status = complaint.status or _STATUS_OF.get(complaint.code.lower()) or _STATUS_OF.get(complaint.kind.lower()) or 500
    answered = f"answered {status}" if complaint.status else "reported an error"
    said = f"{profile.provider} ({profile.base_url}) {answered}" + _quoted(complaint.message)
    kind = find_kind(complaint, status)
    wish = _read_wish(headers)
    match kind:
        case "context_overflow":
            return _to_overflow(complaint, profile)
        case "request_too_large":
            return _to_too_large(complaint, said)
        case "auth" | "permission":
            return _to_not_signed_in(kind, f"{profile.provider} refused the {_REFUSED[kind]}: {said}")
        case "quota":
            return Rejected(
                f"the account's quota is used up: {said}", hint="check plan and billing at the vendor", kind=kind
            )
        case "content_filter":
            return Rejected(f"the vendor's filter refused the request: {said}", hint="word it differently", kind=kind)
        case "not_found":
            return UnknownModel(profile.model, said, is_certain=_is_unknown_model(complaint, status))
        case "invalid_request" if wish is not True:
            return Rejected(said, hint=HINT_URL if status in (405, 501) else "")
        case "invalid_request":
            kind = "server_error"
    limited = kind == "rate_limit"
    return Transient(
        f"rate limit: {said}" if limited else said,
        hint="wait a moment and try again" if limited else _TROUBLE,
        retry_after_s=read_delay_s(headers, complaint),
        kind=kind,
        should_retry=wish,
    )


_REFUSED = {"auth": "key", "permission": "permission"}


def _to_not_signed_in(kind: FailureKind, message: str) -> NotSignedIn:
    error = NotSignedIn(message)
    error.kind = kind
    return error


def _to_too_large(complaint: Complaint, said: str) -> ContextOverflow:
    needed, limit = _sizes(complaint)
    error = ContextOverflow(said, hint="send less: a smaller --budget", needed_tokens=needed, limit_tokens=limit)
    error.kind = "request_too_large"
    return error


def _quoted(message: str) -> str:
    return f": {message}" if message else " without a message"


def _read_wish(headers: Mapping[str, str]) -> bool | None:
    """What the vendor says about trying again."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _is_overflow(complaint: Complaint, status: int) -> bool:
    if complaint.names("context_length_exceeded", "exceed_context_size_error", "model_context_window_exceeded"):
        return True
    if complaint.names("string_above_max_length") or not 400 <= status < 500 or status in (401, 403, 429):
        return False
    return bool(_OVERFLOW.search(complaint.message))


def _is_filtered(complaint: Complaint, status: int) -> bool:
    extra = complaint.extra or {}
    inner, metadata = extra.get("innererror"), extra.get("metadata")
    if complaint.names(*_FILTER_CODES) or (isinstance(inner, dict) and inner.get("code") in _FILTER_CODES):
        return True
    if isinstance(metadata, dict) and "flagged_input" in metadata:
        return True
    return status in (400, 403) and bool(_FILTERED.search(complaint.message))


def _is_quota(complaint: Complaint, status: int) -> bool:
    if complaint.names(*_QUOTA_CODES) or status == 402 or complaint.code.endswith("spend_limit_reached"):
        return True
    quotas = [
        str(violation.get("quotaId"))
        for detail in _details(complaint, "QuotaFailure")
        for violation in _rows(detail.get("violations"))
    ]
    if quotas or complaint.kind == "RESOURCE_EXHAUSTED":
        return any("PerDay" in quota for quota in quotas)
    return status in (400, 403, 429) and bool(_QUOTA.search(complaint.message))


def _is_unknown_model(complaint: Complaint, status: int) -> bool:
    if complaint.names("model_not_found", "model_not_available"):
        return True
    return status in (400, 404, 422) and bool(_UNKNOWN_MODEL.search(complaint.message))


def _details(complaint: Complaint, kind: str) -> list[Mapping[str, Any]]:
    """The entries of one kind in a list of `details`, as Google's APIs send it. Source: google/rpc/error_details."""
    return [row for row in _rows((complaint.extra or {}).get("details")) if str(row.get("@type")).endswith(f".{kind}")]


def _reason(complaint: Complaint) -> str:
    return next((str(detail.get("reason")) for detail in _details(complaint, "ErrorInfo")), "")


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


# --- sizes ----------------------------------------------------------------------------------------------------------

_NEEDED_THEN_LIMIT = late(r"\(?(\d+) tokens\)?\D{0,60}?(?:>|context size \()\s*(\d+)")
_LIMIT = late(
    r"(?:maximum context length is|context (?:window|length|size) (?:is|of|\()|tokens allowed|\bLimit) ?\(?(\d+)",
    re.IGNORECASE,
)
_NEEDED = late(
    r"(?:requested|resulted in|has|contains|passed)(?: about| at least)? (\d+) (?:input )?tokens"
    r"|token count \(?(\d+)|\bRequested (\d+)"
)


def _to_overflow(complaint: Complaint, profile: Profile) -> ContextOverflow:
    needed, limit = _sizes(complaint)
    return ContextOverflow(
        f"the request is larger than the window of {profile.model}" + _quoted(complaint.message),
        hint="send less with a smaller --budget, or take a model with a larger window",
        needed_tokens=needed,
        limit_tokens=limit,
    )


def _sizes(complaint: Complaint) -> tuple[int | None, int | None]:
    """Tokens needed and allowed, as far as the complaint tells."""
    extra, text = complaint.extra or {}, complaint.message.replace(",", "")
    both = _NEEDED_THEN_LIMIT.search(text)
    needed = extra.get("n_prompt_tokens") or (both and both[1]) or _first(_NEEDED, text)
    limit = extra.get("n_ctx") or (both and both[2]) or _first(_LIMIT, text)
    return _count(needed), _count(limit)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return next(filter(None, found.groups()), None) if found else None


def _count(value: Any) -> int | None:
    return int(str(value)[:12]) if isinstance(value, int | str) and str(value)[:12].isdigit() else None


# --- delays ---------------------------------------------------------------------------------------------------------

MAX_DELAY_S = 30 * 86_400.0
"""Longer waits than any quota lasts (a month) are mistakes, not wishes."""
_UNITS = r"milliseconds?|seconds?|minutes?|hours?|ms|h|m|s"
_IN_TEXT = late(
    rf"(?:try again|retry)(?: in| after)? ((?:\d{{1,9}}(?:\.\d{{1,12}})?\s?(?:{_UNITS})\b[\s,]*|\d+[hm](?=\d))+)", re.I
)
_UNIT = late(rf"(\d{{1,9}}(?:\.\d{{1,12}})?)\s?({_UNITS})", re.IGNORECASE)


def read_delay_s(headers: Mapping[str, str], complaint: Complaint) -> float | None:
    """Seconds the vendor asks to wait; None when it does not say, or says what cannot be meant.

    In this order: `retry-after-ms`, `retry-after` (number or date), Google's RetryInfo, words such as "try again in
    7m12s" or "retry after 26 seconds".
    """
    delay_s = _find_delay_s(headers, complaint)
    return None if delay_s is None or delay_s > MAX_DELAY_S else delay_s


def _find_delay_s(headers: Mapping[str, str], complaint: Complaint) -> float | None:
    milliseconds = _to_float(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    wish = headers.get("retry-after", "")
    seconds = _to_float(wish)
    if seconds is not None:
        return seconds
    if wish:
        return _until(wish)
    for detail in _details(complaint, "RetryInfo"):
        if (delay_s := _duration_s(str(detail.get("retryDelay")))) is not None:
            return delay_s
    found = _IN_TEXT.search(complaint.message)
    return _duration_s(found[1]) if found else None


def _duration_s(text: str) -> float | None:
    """Seconds in `34.07s`, `7m12s`, `20ms` or `1 minute 5 seconds`."""
    found = _UNIT.findall(text)
    return round(sum(float(number) * _unit_s(unit.lower()) for number, unit in found), 3) if found else None


def _unit_s(unit: str) -> float:
    if unit.startswith(("ms", "milli")):
        return 0.001
    return {"s": 1.0, "m": 60.0, "h": 3600.0}[unit[0]]


def _to_float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*\d{1,9}(?:\.\d{1,9})?\s*", text) else None


def _until(date: str) -> float | None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, ArithmeticError, TypeError, IndexError):  # the parser passes on what absurd numbers cause
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
