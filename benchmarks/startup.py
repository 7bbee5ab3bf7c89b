"""Start-up: `aiex --version` takes at most twice, `aiex --help` at most four times as long as an idle interpreter."""

import sys

from benchmarks.harness import BARE_PYTHON, Bar, Command, aiex_argv, compare, show


def main() -> None:
    """Measure and print; the exit code says whether the bars are held."""
    timings = compare(
        [
            Command("python -c pass", BARE_PYTHON),
            Command("aiex --version", aiex_argv("--version")),
            Command("aiex --help", aiex_argv("--help")),
            Command("aiex version", aiex_argv("version")),
        ],
        rounds=30,
    )
    held = show("Start-up", timings, [Bar("aiex --version", 2), Bar("aiex --help", 4)])
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
