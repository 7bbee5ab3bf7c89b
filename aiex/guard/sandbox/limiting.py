"""Limits of a policy as the system takes them (setrlimit(2))."""

from __future__ import annotations

from aiex.guard.sandbox.bounds import Limits


def limits_of(limits: Limits) -> list[tuple[int, int]]:
    """Resources with their bound; no core files, for they hold what was in memory."""
    import resource

    wanted = {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_AS: limits.memory_bytes,
    }
    bounded = [(kind, _at_most(kind, value)) for kind, value in wanted.items() if value]
    return [(resource.RLIMIT_CORE, 0), *bounded]


def _at_most(kind: int, value: int) -> int:
    """No more than this process may have itself."""
    import resource

    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
