"""TypeScript, with the test runner of the project."""

from aiex.jobs.generating.ecma.template import Ecma

TEMPLATE = Ecma("typescript", (".ts", ".tsx", ".mts", ".cts"), typed=True)
