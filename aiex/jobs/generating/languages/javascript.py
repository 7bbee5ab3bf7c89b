"""JavaScript: ES modules or CommonJS, with the test runner of the project."""

from aiex.jobs.generating.ecma.template import Ecma

TEMPLATE = Ecma("javascript", (".js", ".mjs", ".cjs", ".jsx"), typed=False)
