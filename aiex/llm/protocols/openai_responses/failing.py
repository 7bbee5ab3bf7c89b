"""What the complaints of a Responses server mean, where its codes say more than the status."""

import re
from collections.abc import Mapping

from aiex.errors import AiexError, ContextOverflow, FailureKind, Rejected, Transient
from aiex.llm import failures
from aiex.llm.failures import Complaint, ReplayRefused
from aiex.llm.wire import Profile
from aiex.patterns import late

_REPLAY = ("invalid_encrypted_content", "previous_response_not_found", "item_not_found")
_REPLAY_WORDS = late(
    r"items are not persisted|encrypted content .{0,80}(?:could not be|cannot be|failed to)"
    r"|without its required (?:'reasoning'|following) item",
    re.IGNORECASE | re.DOTALL,
)
_SAFETY = ("image_content_policy_violation",)
_QUOTA = ("usage_limit_reached", "usage_not_included", "access_terminated")
_OVERLOADED = ("server_is_overloaded", "slow_down")
_TIMEOUT = ("vector_store_timeout",)
_REFUSED = late(
    r"(?:invalid|unsupported|empty)_[a-z0-9_]+|image_[a-z_]+|failed_to_download_image|data_residency_mismatch"
    r"|string_above_max_length|integer_below_min_value|unknown_parameter|missing_required_parameter"
)
"""Codes that blame the request. Source of all codes: `ResponseError` of OpenAI's Python SDK 3.52, and its error guide;
those of plans: the sources of codex, November 2026."""
_KNOWN = ("invalid_api_key", "invalid_prompt")
"""Codes of that form that the common rules know better."""
_TOO_LARGE = late(r"request too large\b.*?limit:? (\d+).*?requested:? (\d+)", re.IGNORECASE | re.DOTALL)


def explain(complaint: Complaint, profile: Profile, headers: Mapping[str, str] | None = None) -> AiexError:
    """The error of the tree for a complaint; `headers` are those of the answer, names in lower case."""
    answered = f"answered {complaint.status}" if complaint.status else "reported an error"
    said = f"{profile.provider} ({profile.base_url}) {answered}: {complaint.message or complaint.code}"
    own = _explain_refusal(complaint, said) if complaint.status not in (401, 403) else None
    return own or _explain_trouble(complaint, said) or failures.explain(complaint, profile, headers)


def _explain_refusal(complaint: Complaint, said: str) -> AiexError | None:
    """The error for what is not worth trying again; None when the common rules know it as well."""
    if complaint.names(*_REPLAY) or (complaint.status in (0, 400, 404) and _REPLAY_WORDS.search(complaint.message)):
        hint = "what it gave in earlier turns belongs to another account or is gone; ask again without it"
        return ReplayRefused(said, hint=hint)
    if complaint.names(*_QUOTA):
        return Rejected(f"the account's quota is used up: {said}", hint=_hint_for_quota(complaint), kind="quota")
    if complaint.names(*_SAFETY):
        return Rejected(f"the vendor's filter refused the request: {said}", kind="content_filter")
    if too_large := _TOO_LARGE.search(complaint.message.replace(",", "")):
        overflow = ContextOverflow(
            f"the request is larger than the account's limit for a minute: {said}",
            hint="send less with a smaller --budget",
            needed_tokens=int(too_large[2]),
            limit_tokens=int(too_large[1]),
        )
        overflow.kind = "request_too_large"
        return overflow
    return None


def _explain_trouble(complaint: Complaint, said: str) -> AiexError | None:
    """The error for codes inside a stream, which come without a status, where the common rules do not know them."""
    if complaint.status:
        return None
    if complaint.names(*_OVERLOADED, *_TIMEOUT):
        kind: FailureKind = "timeout" if complaint.names(*_TIMEOUT) else "overloaded"
        delay_s = failures.read_delay_s({}, complaint)
        return Transient(said, hint="the server has trouble; try again later", retry_after_s=delay_s, kind=kind)
    if complaint.code not in _KNOWN and _REFUSED.fullmatch(complaint.code):
        return Rejected(said)
    return None


def _hint_for_quota(complaint: Complaint) -> str:
    seconds = (complaint.extra or {}).get("resets_in_seconds")
    if type(seconds) is int and seconds > 0:
        return f"it is full again in {seconds // 60} min; or check plan and billing at the vendor"
    return "check plan and billing at the vendor"
