"""What the vendor's complaints mean where its own words say more than a status does.

Sources: platform.claude.com/docs/en/api/errors and the error types of the Python SDK 2.11, November 2026.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from aiex.errors import AiexError, Transient
from aiex.llm import failures
from aiex.llm.failures import Complaint, ReplayRefused, UnknownModel
from aiex.llm.protocols.anthropic.quirks import quirks_of
from aiex.llm.wire import Profile
from aiex.patterns import late

_BY_CODE: Final[Mapping[str, tuple[int, str]]] = {
    "contract_spend_limit_reached": (402, "billing_error"),
    "enforced_spend_limit_reached": (402, "billing_error"),
    "linked_organization_spend_limit_reached": (402, "billing_error"),
    "linked_organization_billing_unavailable": (402, "billing_error"),
    "user_profile_not_billable": (402, "billing_error"),
    "ramp_limit_exceeded": (429, "rate_limit_error"),
    "request_body_timeout": (408, "timeout_error"),
    "request_body_too_large_after_decoding": (413, "request_too_large"),
    "organization_on_hold": (403, "permission_error"),
    "sandbox_egress_restricted": (403, "permission_error"),
    "skill_read_blocked_undecryptable": (403, "permission_error"),
}
"""`details.error_code`, which outweighs the status and the words: what it amounts to."""

_SPENT: Final = late(r"usage limits?\b.{0,80}(?:regain|specified)|specified API usage limits", re.IGNORECASE)
_REPLAY: Final = late(
    r"invalid `?signature`? in `?thinking|thinking`? (?:or `?redacted_thinking`? )?blocks?\b.{0,120}"
    r"(?:cannot be modified|must remain|prefix|do(?:es)? not match|another model)",
    re.IGNORECASE | re.DOTALL,
)
"""Words for thinking that is bound to another model or to a conversation that was changed since."""
_MODEL: Final = late(r"^model: ?\S+$")
_NAMES_A_LIMIT: Final = "anthropic-ratelimit-"
HINT_URL: Final = "check the model's name, and the base URL: it ends before /v1"


def explain(complaint: Complaint, profile: Profile, headers: Mapping[str, str] | None = None) -> AiexError:
    """The error of the tree for a complaint, in an answer of its own or inside a stream."""
    headers = headers or {}
    if complaint.status in (0, 400) and _REPLAY.search(complaint.message):
        said = f"{profile.provider} ({profile.base_url}) does not take its thinking back: {complaint.message}"
        return ReplayRefused(said, hint="the conversation was changed since; ask again without its earlier thinking")
    error = failures.explain(_understood(complaint, profile, headers), profile, headers)
    if isinstance(error, UnknownModel):
        error.hint = HINT_URL
    if isinstance(error, Transient) and complaint.status == 409:
        error.hint = "something else changed the same thing at once; try again"
    return error


def _understood(complaint: Complaint, profile: Profile, headers: Mapping[str, str]) -> Complaint:
    """The complaint as others would have put it; the status that was answered is told all the same."""
    kind = _BY_CODE.get(_code(complaint), (0, ""))[1]
    if kind == "billing_error" or (complaint.status in (400, 429) and _SPENT.search(complaint.message)):
        return replace(complaint, code="billing_error")
    if kind and complaint.kind != kind:
        status = _BY_CODE[_code(complaint)][0]
        return replace(complaint, status=status if complaint.status else 0, kind=kind, code=kind)
    if complaint.kind == "rate_limit_error" and _is_spent(complaint, profile, headers):
        return replace(complaint, code="billing_error")
    if complaint.kind == "not_found_error" and _MODEL.match(complaint.message):
        return replace(complaint, code="model_not_found")
    return complaint


def _code(complaint: Complaint) -> str:
    details = (complaint.extra or {}).get("details")
    code: Any = details.get("error_code") if isinstance(details, dict) else complaint.code
    return code if isinstance(code, str) else ""


def _is_spent(complaint: Complaint, profile: Profile, headers: Mapping[str, str]) -> bool:
    """Whether a 429 means a spent account: the vendor's own server names a delay or a limit for any other."""
    if complaint.status != 429 or not quirks_of(profile).vendor:
        return False
    delays = headers.keys() & {"retry-after", "retry-after-ms", "x-should-retry"}
    return not delays and not any(name.startswith(_NAMES_A_LIMIT) for name in headers)
