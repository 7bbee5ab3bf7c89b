"""The workspace as the path suite calls it: `function(root, op, path, policy, data)`, one function per engine."""

from typing import Any

from aiex.guard.sandbox.files import Workspace

Policy = dict[str, list[str]]


def auto(root: str, op: str, path: str, policy: Policy, data: bytes | None) -> Any:
    return _act("auto", root, op, path, policy, data)


def openat2(root: str, op: str, path: str, policy: Policy, data: bytes | None) -> Any:
    return _act("openat2", root, op, path, policy, data)


def walk(root: str, op: str, path: str, policy: Policy, data: bytes | None) -> Any:
    return _act("walk", root, op, path, policy, data)


def realpath(root: str, op: str, path: str, policy: Policy, data: bytes | None) -> Any:
    return _act("realpath", root, op, path, policy, data)


def _act(engine: str, root: str, op: str, path: str, policy: Policy, data: bytes | None) -> Any:
    workspace = Workspace(root, allow_read=policy["allow_read"], allow_write=policy["allow_write"], engine=engine)
    match op:
        case "read":
            return workspace.read(path)
        case "list":
            return workspace.list(path)
        case "write":
            return workspace.write(path, data or b"")
        case "delete":
            return workspace.delete(path)
    raise ValueError(op)
