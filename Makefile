# The chores of the project. `make` alone lists them.

PYTHON ?= python3.11
VENV ?= .venv
ARGS ?= -n 3
BIN := $(VENV)/bin
LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: help setup check format test bench docs lock ci clean

help: ## list the chores
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-8s %s\n", $$1, $$2 }'

setup: ## make .venv from the lock, with Aiex in it
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --require-hashes -r requirements-dev.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .

check: ## format, lint, types, floors, dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

format: ## let ruff repair what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test: ## run the tests; ARGS chooses some
	$(BIN)/python -m pytest -q $(ARGS)

bench: ## run every benchmark
	@missed=""; for name in $$(grep -l '^if __name__' benchmarks/*.py | xargs -n1 basename | sed 's/\.py$$//'); do \
		[ $$name = harness ] || $(BIN)/python -m benchmarks.$$name || missed="$$missed $$name"; \
	done; [ -z "$$missed" ] || { echo "missed:$$missed"; exit 1; }

docs: ## write the reference pages that come from the code
	$(BIN)/python -m aiex.settingdocs docs/reference
	$(BIN)/python -m aiex.cli.reference docs/reference
	PATH=$(BIN):$$PATH $(BIN)/python docs/pictures/record.py docs/pictures/explain.svg 110 40 -- aiex explain aiex/sqlite.py
	$(BIN)/python -c "import sys; from aiex.jobs.briefing.reference import render_page; sys.stdout.buffer.write(render_page().encode())" > docs/reference/briefing.md

lock: ## resolve the dependencies again; needs uv
	$(LOCK) --upgrade --group dev -o requirements-dev.lock
	$(LOCK) --upgrade -c requirements-dev.lock -o requirements.lock

ci: ## everything CI does
	.ci/run

clean: ## remove what the chores made, .venv too
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
