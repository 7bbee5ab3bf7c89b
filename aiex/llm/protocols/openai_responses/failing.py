"""What the complaints of a Responses server mean, where its codes say more than the status."""

import re
from collections.abc import Mapping

from aiex.errors import AiexError, ContextOverflow, FailureKind, NotSignedIn, Rejected, Transient
from aiex.llm import failures
from aiex.llm.failures import Complaint
from aiex.llm.wire import Profile


class ReplayRefused(Rejected):
    """The server does not take back what it gave: encrypted reasoning of another account, or an item it forgot.

    The same request without its `Opaque` parts is acceptable.
    """


_REPLAY = ("invalid_encrypted_content", "previous_response_not_found", "item_not_found")
_REPLAY_WORDS = re.compile(
    r"items are not persisted|encrypted content .{0,80}(?:could not be|cannot be|failed to)"
    r"|without its required (?:'reasoning'|following) item",
    re.IGNORECASE | re.DOTALL,
)
_SAFETY = (
    "bio_policy", "cyber_policy", "misalignment_policy_violation", "content_policy_violation", "content_filter",
    "image_content_policy_violation",
)  # fmt: skip
_SAFETY_WORDS = re.compile(r"flagged|usage polic(?:y|ies)|safety", re.IGNORECASE)
_QUOTA = (
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error", "usage_limit_reached",
    "usage_not_included", "access_terminated",
)  # fmt: skip
_OVERLOADED = ("overloaded", "overloaded_error", "server_is_overloaded", "slow_down", "service_unavailable")
_TIMEOUT = ("timeout", "timeout_error", "vector_store_timeout")
_REFUSED = re.compile(
    r"(?:invalid|unsupported|empty)_[a-z0-9_]+|image_[a-z_]+|failed_to_download_image|data_residency_mismatch"
    r"|string_above_max_length|integer_below_min_value|unknown_parameter|missing_required_parameter"
)
"""Codes that blame the request. Source of all codes: `ResponseError` of OpenAI's Python SDK 3.52, and its error guide;
those of plans: the sources of codex, November 2026."""
_TOO_LARGE = re.compile(r"request too large .*?limit:? (\d+).*?requested:? (\d+)", re.IGNORECASE | re.DOTALL)


def explain(complaint: Complaint, profile: Profile, headers: Mapping[str, str] | None = None) -> AiexError:
    """The error of the tree for a complaint; `headers` are those of the answer, names in lower case."""
    headers = headers or {}
    error = _explain_code(complaint, profile, headers) or failures.explain(complaint, profile, headers)
    status = complaint.status or _status_in(error)
    if isinstance(error, Transient):
        error.kind = _kind_of(complaint, status)
        wish = headers.get("x-should-retry", "").lower()
        error.should_retry = {"true": True, "false": False}.get(wish, error.should_retry)
    elif isinstance(error, NotSignedIn):
        error.kind = "permission" if status == 403 else "auth"
    elif isinstance(error, failures.UnknownModel):
        error.kind = "not_found"
    elif isinstance(error, ContextOverflow) and status == 413:
        error.kind = "request_too_large"
    return error


def _explain_code(complaint: Complaint, profile: Profile, headers: Mapping[str, str]) -> AiexError | None:
    """The error for codes that the common rules do not know; None for all others."""
    status = f" {complaint.status}" if complaint.status else ""
    said = f"{profile.provider} ({profile.base_url}) answered{status}: {complaint.message or complaint.code}"
    if complaint.status in (401, 403):
        return None
    if complaint.names(*_REPLAY) or (complaint.status in (0, 400, 404) and _REPLAY_WORDS.search(complaint.message)):
        hint = "what it gave in earlier turns belongs to another account or is gone; ask again without it"
        return ReplayRefused(said, hint=hint)
    if complaint.names(*_QUOTA) or complaint.status == 402:
        return Rejected(f"the account's quota is used up: {said}", hint=_hint_for_quota(complaint), kind="quota")
    if complaint.names(*_SAFETY) or (complaint.names("invalid_prompt") and _SAFETY_WORDS.search(complaint.message)):
        return Rejected(f"the vendor's safety rules refused it: {said}", hint="say it otherwise", kind="content_filter")
    if too_large := _TOO_LARGE.search(complaint.message.replace(",", "")):
        overflow = ContextOverflow(
            f"the request is larger than the account's limit for a minute: {said}",
            hint="send less with a smaller --budget",
            needed_tokens=int(too_large[2]),
            limit_tokens=int(too_large[1]),
        )
        overflow.kind = "request_too_large"
        return overflow
    if complaint.names(*_OVERLOADED, *_TIMEOUT):
        return Transient(
            said,
            hint="the server has trouble; try again later",
            retry_after_s=failures.read_delay_s(headers, complaint),
        )
    if not complaint.status and complaint.code != "invalid_api_key" and _REFUSED.fullmatch(complaint.code):
        return Rejected(said)
    return None


def _hint_for_quota(complaint: Complaint) -> str:
    seconds = (complaint.extra or {}).get("resets_in_seconds")
    if type(seconds) is int and seconds > 0:
        return f"it is full again in {seconds // 60} min; or check plan and billing at the vendor"
    return "check plan and billing at the vendor"


def _kind_of(complaint: Complaint, status: int) -> FailureKind:
    if complaint.names(*_OVERLOADED) or status in (503, 529):
        return "overloaded"
    if complaint.names(*_TIMEOUT) or status in (408, 504):
        return "timeout"
    return "rate_limit" if status == 429 else "server_error"


def _status_in(error: AiexError) -> int:
    """The status that the common rules took for a complaint without one, as they say it."""
    found = re.search(r"answered (\d{3})\b", error.message)
    return int(found[1]) if found else 500
