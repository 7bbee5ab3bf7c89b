"""Facts and rows for tests of the tiers: each number gives other ones."""

from aiex.context.facts import FileFacts, Reference, Symbol, to_heavy, to_light
from aiex.context.tiers._ledger import DAY_NS, Bounds
from aiex.context.tiers.warm import FactsRow, FileRow

NOTHING_STAYS = Bounds(spare_facts=0, unused_ns=-DAY_NS)


def make_facts(number: int) -> FileFacts:
    name = f"function{number}"
    symbol = Symbol(name, name, "function", f"def {name}()", "", 1, 2, 0, 9, -1, True)
    references = tuple(Reference(f"used{number}", "", line, 0, "call") for line in range(20))
    return FileFacts("python", 2, 9, "full", "", "", (symbol,), (), references, (), (), (1,), 0)


def make_row(number: int) -> FactsRow:
    facts = make_facts(number)
    return FactsRow(f"{number}:python", to_light(facts), to_heavy(facts))


def make_file(number: int) -> FileRow:
    return FileRow(f"file{number}.py", 9, 1, 2, 3, str(number), "python", " os ")
