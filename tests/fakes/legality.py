"""Whether a session can be gone on with: the request made of it is one that every vendor takes."""

from __future__ import annotations

from aiex.messages import Request, Text
from aiex.sessions.requests import project_request
from aiex.sessions.state import SessionState
from tests.unit.sessions.test_requests import PROTOCOLS, problem_with

__all__ = ["PROTOCOLS", "encode_with", "faults_of_request", "faults_of_session"]


def encode_with(protocol: str, request: Request) -> dict[str, object]:
    """The body that a protocol makes of a request."""
    encode, profile, _ = PROTOCOLS[protocol]
    body: dict[str, object] = encode(request, profile)
    return body


def faults_of_request(request: Request) -> list[str]:
    """What is wrong with it, in its shape or for one of the vendors; empty for nothing."""
    faults = [problem_with(request)]
    for protocol, (encode, profile, problem) in PROTOCOLS.items():
        if found := problem(encode(request, profile)):
            faults.append(f"{protocol}: {found}")
    return [fault for fault in faults if fault]


def faults_of_session(state: SessionState) -> list[str]:
    """What is wrong with the request that goes on with a session as it is; empty for nothing."""
    return faults_of_request(project_request(state, model="m", system=(Text("be brief"),)))
