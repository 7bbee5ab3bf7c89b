"""The benchmark harness measures what it says."""

import sys

import pytest

from benchmarks.harness import Bar, Command, Timing, compare, run_once, show

PASS = (sys.executable, "-c", "pass")


def test_commands_take_turns_and_the_warm_up_is_not_counted():
    order: list[str] = []
    sides = [Command(name, PASS, before=lambda name=name: order.append(name)) for name in ("a", "b")]
    timings = compare(sides, rounds=2, warm_up=1)
    assert order == ["a", "b"] * 3
    assert [(timing.name, len(timing.times_s)) for timing in timings] == [("a", 2), ("b", 2)]
    assert all(timing.least_s > 0 for timing in timings)


def test_a_failing_command_ends_the_benchmark_with_its_error():
    with pytest.raises(SystemExit, match="exit code 3"):
        run_once(Command("broken", (sys.executable, "-c", "raise SystemExit(3)")))


@pytest.mark.parametrize(("most", "held"), [(2.0, True), (1.9, False)])
def test_a_bar_is_held_up_to_its_ratio(most, held, capsys):
    timings = [Timing("base", (0.2, 0.1)), Timing("ours", (0.2, 0.3))]
    assert show("Title", timings, [Bar("ours", most)]) is held
    assert "ratio   2.00" in capsys.readouterr().out
