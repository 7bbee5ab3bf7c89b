"""The filter of system calls, run by a small interpreter; that the kernel obeys it is tried elsewhere."""

from __future__ import annotations

import errno
import struct

import pytest

from aiex.guard.sandbox import seccomp
from aiex.guard.sandbox.seccomp import MACHINES, filter_program

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
SOCKET, SOCKETPAIR, CLONE, IOCTL = (41, 198), (53, 199), (56, 220), (16, 29)
OPENAT, FCHMODAT, PRLIMIT = (257, 56), (268, 53), (302, 261)


def judge(program: bytes, number: int, *args: int, audit: int) -> int:
    """What a filter answers: 0 for allowed, the error number, or -1 for killed."""
    data = struct.pack("<iIQ6Q", number, audit, 0, *(list(args) + [0] * 6)[:6])
    code = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    at = value = 0
    while True:
        operation, true, false, operand = code[at]
        at += 1
        match operation:
            case 0x20:
                value = struct.unpack_from("<I", data, operand)[0]
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[operation]
                at += true if holds else false
            case 0x06:
                return 0 if operand == ALLOWED else -1 if operand == KILLED else operand & 0xFFFF
            case _:
                raise AssertionError(f"unknown operation {operation:#x}")


@pytest.fixture(params=[(machine, own) for machine in MACHINES for own in (True, False)], ids=str)
def ask(request: pytest.FixtureRequest):
    machine, own = request.param
    program = filter_program(machine, own_namespaces=own)

    def answer(numbers: tuple[int, ...], *args: int, audit: int = MACHINES[machine].audit) -> int:
        return judge(program, numbers[MACHINES[machine].column], *args, audit=audit)

    answer.own = own
    answer.machine = machine
    return answer


def test_what_is_forbidden_is_refused(ask) -> None:
    for name, numbers in seccomp.FORBIDDEN.items():
        if numbers[MACHINES[ask.machine].column] != -1:
            assert ask(numbers) == errno.EPERM, name


def test_what_cannot_be_looked_into_seems_missing(ask) -> None:
    assert {ask(numbers) for numbers in seccomp.ABSENT.values()} == {errno.ENOSYS}


def test_ordinary_calls_are_allowed(ask) -> None:
    for numbers in [(0, 63), (1, 64), (59, 221), (9, 222), (231, 94), (262, 79), (202, 98)]:
        assert ask(numbers) == 0


def test_another_architecture_is_killed(ask) -> None:
    assert ask((0, 63), audit=0x40000003) == -1


def test_the_numbers_of_x32_are_refused() -> None:
    program = filter_program("x86_64", own_namespaces=True)
    assert judge(program, 0x40000000 + 101, audit=MACHINES["x86_64"].audit) == errno.ENOSYS


@pytest.mark.parametrize(
    ("family", "own"), [(2, 0), (10, 0), (1, errno.EACCES), (17, errno.EACCES), (40, errno.EACCES)]
)
def test_sockets_are_those_of_the_network_inside(ask, family: int, own: int) -> None:
    assert ask(SOCKET, family, 1, 0) == (own if ask.own else errno.EACCES)


def test_netlink_is_for_routes_only(ask) -> None:
    assert ask(SOCKET, 16, 3, 0) == (0 if ask.own else errno.EACCES)
    assert ask(SOCKET, 16, 3, 12) == errno.EACCES


def test_pairs_of_sockets_are_allowed(ask) -> None:
    assert (ask(SOCKETPAIR, 1), ask(SOCKETPAIR, 2)) == (0, errno.EACCES)


def test_namespaces_are_not_made(ask) -> None:
    assert ask(CLONE, 0x01200011) == 0
    for flag in (0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x02000000):
        assert ask(CLONE, flag | 17) == errno.EPERM


def test_set_user_id_bits_are_not_set(ask) -> None:
    assert (ask(FCHMODAT, 0, 0, 0o755), ask(FCHMODAT, 0, 0, 0o4755), ask(FCHMODAT, 0, 0, 0o2755)) == (0, 1, 1)
    assert ask(OPENAT, 0, 0, 0, 0o4755) == 0  # without O_CREAT there is no mode
    assert (ask(OPENAT, 0, 0, 0o101, 0o644), ask(OPENAT, 0, 0, 0o101, 0o4755)) == (0, 1)
    assert ask(OPENAT, 0, 0, 0o20200002, 0o2755) == 1


def test_nothing_is_typed_into_a_terminal(ask) -> None:
    assert (ask(IOCTL, 1, 0x5401), ask(IOCTL, 1, 0x5412), ask(IOCTL, 1, 0x541C)) == (0, 1, 1)


def test_the_upper_half_of_an_argument_hides_nothing(ask) -> None:
    assert ask(IOCTL, 1, 0xFFFFFFFF00005412) == 1
    assert ask(SOCKETPAIR, 0xFFFFFFFF00000002) == errno.EACCES


def test_limits_of_others_stay(ask) -> None:
    assert (ask(PRLIMIT, 0), ask(PRLIMIT, 1234)) == (0, 0 if ask.own else 1)


def test_every_number_is_named_once() -> None:
    for column in (0, 1):
        used = [row[column] for table in (seccomp.FORBIDDEN, seccomp.ABSENT, seccomp.SHARED) for row in table.values()]
        known = [number for number in used if number != -1]
        assert len(known) == len(set(known))
