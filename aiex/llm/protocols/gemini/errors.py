"""What an error of Google's API means: `{error: {code, message, status, details}}`, alone or as a list of one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aiex.errors import AiexError, ContextOverflow, FailureKind, NotSignedIn, Rejected, Transient
from aiex.llm import failures
from aiex.llm.failures import Complaint
from aiex.llm.wire import Profile
from aiex.patterns import late

_STATUS_OF = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499, "INTERNAL": 500, "UNKNOWN": 500, "DATA_LOSS": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
"""Source: google/rpc/code.proto."""

_KINDS: dict[int, FailureKind] = {
    408: "timeout", 504: "timeout", 503: "overloaded", 529: "overloaded", 429: "rate_limit"
}  # fmt: skip
_OVERFLOW = late(
    r"exceeds? the maximum number of (?:input )?tokens|input token count.{0,60}exceed|context (?:window|length)",
    re.IGNORECASE,
)
_BAD_KEY = late(r"\bAPI[_ ]KEY[_ ]\w*INVALID|api key (?:not valid|not found|expired)|expired api key", re.IGNORECASE)
_SPENT = late(r"\blimit: 0\b|credits? (?:are|is|have been) (?:depleted|exhausted)|spending cap", re.IGNORECASE)
_TOO_LARGE = late(r"payload size exceeds|request (?:entity )?(?:is )?too large", re.IGNORECASE)


def explain(complaint: Complaint, profile: Profile, headers: Mapping[str, str] | None = None) -> AiexError:
    """The error of the tree for a complaint of this API; what is not Google's own shape is read as any server's."""
    status = complaint.status or _STATUS_OF.get(complaint.kind.upper()) or 500
    words = f": {complaint.message}" if complaint.message else " without a message"
    said = f"{profile.provider} ({profile.base_url}) answered {status}{words}"
    reasons = {str(detail.get("reason", "")) for detail in _details(complaint)}
    if 400 <= status < 500 and status not in (401, 403, 429) and _OVERFLOW.search(complaint.message):
        return _to_overflow(complaint, said)
    if status == 401 or _BAD_KEY.search(f"{complaint.message} {' '.join(reasons)}"):
        return NotSignedIn(f"{profile.provider} refused the key: {said}")
    if status == 402 or "BILLING_DISABLED" in reasons:
        return Rejected(f"the account's quota is used up: {said}", hint=_HINT_BILLING, kind="quota")
    if status == 403:
        return _with_kind(NotSignedIn(f"{profile.provider} refused the permission: {said}"), "permission")
    if status == 404:
        return _with_kind(failures.UnknownModel(profile.model, said, is_certain=bool(complaint.message)), "not_found")
    if status == 413 or _TOO_LARGE.search(complaint.message):
        return Rejected(said, hint="send less: fewer or smaller pictures and files", kind="request_too_large")
    if status == 429 and (_is_daily(complaint) or _SPENT.search(complaint.message)):
        return Rejected(f"the account's quota is used up: {said}", hint=_HINT_BILLING, kind="quota")
    if status in (408, 409, 425, 429, 499) or (status >= 500 and status != 501):
        return _to_transient(status, said, complaint, headers or {})
    return Rejected(said)


_HINT_BILLING = "check plan and billing at the vendor, or take another model"


def _to_transient(status: int, said: str, complaint: Complaint, headers: Mapping[str, str]) -> Transient:
    wish = headers.get("x-should-retry", "").strip().lower()
    return Transient(
        f"rate limit: {said}" if status == 429 else said,
        hint="wait a moment and try again" if status == 429 else "the server has trouble; try again later",
        retry_after_s=_read_delay_s(headers, complaint),
        kind=_KINDS.get(status, "server_error"),
        should_retry={"true": True, "false": False}.get(wish),
    )


def _with_kind(error: AiexError, kind: FailureKind) -> AiexError:
    error.kind = kind
    return error


def _details(complaint: Complaint) -> Iterator[Mapping[str, Any]]:
    details = (complaint.extra or {}).get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield detail


def _is_daily(complaint: Complaint) -> bool:
    """Whether one of the exhausted quotas is counted by the day, so that waiting for a while is in vain."""
    for detail in _details(complaint):
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and "perday" in str(violation.get("quotaId", "")).lower():
                return True
    return False


def _read_delay_s(headers: Mapping[str, str], complaint: Complaint) -> float | None:
    """Seconds to wait by `RetryInfo` ("34.07s"), else by the headers or the words."""
    for detail in _details(complaint):
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", str(detail.get("retryDelay", "")))
        if found:
            return float(found[1])
    return failures.read_delay_s(headers, complaint)


_NEEDED_AND_LIMIT = late(r"token count\D{0,30}?(\d+)?\)?\D{0,10}exceeds?\D*(\d+)?", re.IGNORECASE)


def _to_overflow(complaint: Complaint, said: str) -> ContextOverflow:
    found = _NEEDED_AND_LIMIT.search(complaint.message.replace(",", ""))
    needed, limit = found.groups() if found else (None, None)
    return ContextOverflow(
        f"the request is larger than the model's window: {said}",
        hint="send less with a smaller --budget, or take a model with a larger window",
        needed_tokens=int(needed) if needed else None,
        limit_tokens=int(limit) if limit else None,
    )
