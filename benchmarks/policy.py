"""What a policy decision costs with 50 and with 500 rules, in microseconds, and beside a bare look into a dictionary.

    python -m benchmarks.policy

Every decision is about another subject, so that nothing is answered from memory. The classification of a command comes
before the decision and is measured by `benchmarks/classify.py`. The bar: at most 50 µs for one action; a line of
several commands is as many decisions.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from aiex.guard.actions import Action
from aiex.guard.commands.verdict import Classified
from aiex.guard.policy.decide import decide
from aiex.guard.policy.hosts import parse_host
from aiex.guard.policy.places import fold
from aiex.guard.policy.policy import Policy
from aiex.guard.policy.rules import parse_rule
from benchmarks.harness import machine

ROUNDS, SUBJECTS, MOST_US = 40, 200, 50
ROOT = "/home/me/work"
RULES = (
    "deny write src/part{n}/**",
    "ask write '**/*.kind{n}'",
    "allow write 'pkg/*/module{n}_*.py'",
    "deny read data{n}/private/**",
    "ask delete 'docs/{n}/*'",
    "allow command 'tool{n} run *'",
    "allow command 'npm run task{n}:*'",
    "deny command 'git push remote{n}'",
    "allow network '*.host{n}.example.org'",
    "deny tool 'mcp__server{n}__*'",
)
Asked = tuple[Action, Classified | None]


def make_policy(count: int) -> Policy:
    """So many rules of all kinds."""
    return Policy((parse_rule(RULES[n % len(RULES)].format(n=n)) for n in range(count)), root=ROOT)


def make_actions(policy: Policy) -> dict[str, list[Asked]]:
    """Actions by a name for the table, each about another subject; some meet a rule and most meet none."""
    numbers = range(SUBJECTS)
    paths = {
        "read": [f"src/part{n}/inner/file{n}.py" for n in numbers],
        "write": [f"pkg/area{n}/module{n % 60}_x{n}.py" for n in numbers],
        "delete": [f"docs/{n}/a/b/page{n}.md" for n in numbers],
        "network": [f"api{n}.host{n % 60}.example.org:443" for n in numbers],
        "tool": [f"mcp__server{n % 60}__do{n}" for n in numbers],
    }
    found: dict[str, list[Asked]] = {
        kind: [(Action(kind, subject), None) for subject in subjects]  # type: ignore[arg-type]
        for kind, subjects in paths.items()
    }
    commands = {
        "command, safe": [f"rg -n word{n} src" for n in numbers],
        "command, asked about": [f"npm run task{n % 60}:unit{n} -- -x" for n in numbers],
        "command, denied": [f"git push remote{n % 60} main{n}" for n in numbers],
        "three commands": [f"cd src && npm run task{n % 60}:a{n} | tail -{n + 1}" for n in numbers],
    }
    for name, texts in commands.items():
        found[name] = [(Action("command", text), policy.classify(text)) for text in texts]
    return found


def best_us(acts: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Microseconds for each, the best round; rounds are interleaved, and begin without anything remembered."""
    best = dict.fromkeys(acts, float("inf"))
    for _ in range(ROUNDS):
        for name, act in acts.items():
            parse_host.cache_clear()
            fold.cache_clear()
            begin = time.perf_counter()
            act()
            best[name] = min(best[name], time.perf_counter() - begin)
    return {name: taken / SUBJECTS * 1e6 for name, taken in best.items()}


def decide_all(policy: Policy, asked: Sequence[Asked]) -> Callable[[], object]:
    """Decides on each."""
    return lambda: [decide(action, policy=policy, classified=classified) for action, classified in asked]


def main() -> None:
    """Print a table; the exit code is 1 where a bar is missed."""
    print(f"policy decisions, µs each  ({machine()})")
    held = True
    for count in (0, 50, 500):
        begin = time.perf_counter()
        policy = make_policy(count)
        compiled_ms = (time.perf_counter() - begin) * 1000
        asked = make_actions(policy)
        bare = {action.subject: action for action, _ in asked["read"]}
        look_up = best_us({"": lambda bare=bare: [bare[subject] for subject in bare]})[""]  # type: ignore[misc]
        print(f"\n{count} rules, read and compiled in {compiled_ms:.1f} ms")
        for name, each in best_us({name: decide_all(policy, actions) for name, actions in asked.items()}).items():
            most = MOST_US * (3 if name.startswith("three") else 1)
            held = held and each <= most
            verdict = "held" if each <= most else "MISSED"
            print(f"  {name:<22} {each:6.1f}  ratio to a look-up {each / look_up:5.0f}  at most {most}: {verdict}")
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
