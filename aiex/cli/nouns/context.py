"""The code that a task needs, found in the workspace."""

from __future__ import annotations

import os

import click

from aiex.cli.flags import budget_option
from aiex.cli.registry import Noun
from aiex.cli.streams import read_text_input
from aiex.cli.work import Events, Job, Work
from aiex.errors import UsageError
from aiex.wiring import Services

TASK_LIMIT_BYTES = 4_000_000
MAP_TOKENS = 2_000
"""Of a map for a person: some four screens."""


@click.command("query")
@click.option("--task", default="", metavar="TEXT", help="What is to be done, in words.")
@click.option("--task-file", default="", metavar="FILE", help="The same from a file; - is standard input.")
@budget_option("Stop after about N tokens of code.")
@click.option("--json", "as_lines", is_flag=True, help="JSON lines: path, start_line, end_line, symbol, score, why.")
@click.option("--full", is_flag=True, help="Wait for the full index, also when much is missing.")
def query_context(task: str, task_file: str, *, as_lines: bool, full: bool) -> Work:
    """List the code that a task needs, best first, without a model.

    The index of the workspace is brought up to date first. Where it lacks much, a first map of the code is made
    instead, in a fraction of the time, and what the map puts first is read in full; stderr says so.

    With the setting context.embeddings, the vectors that are missing are asked for, and code is found by its meaning
    too; --offline asks nobody.

    \b
    aiex query context --task "the parser drops the last line"
    aiex query context --task-file issue.txt --budget 4000 --json
    """

    def prepare(services: Services) -> Job:
        from aiex.jobs.embedding import with_vectors
        from aiex.jobs.query import QueryTask, query

        budget = services.settings.get("budget_tokens")
        words = QueryTask(_read_task("query context", task, task_file, services), budget, as_lines=as_lines, full=full)
        asked = words.text.strip()
        embedder = services.embedder if asked else None
        return lambda: with_vectors(lambda: query(words, services.retrieval), services.retrieval, embedder, asked)

    return Work("query context", prepare, markup="verbatim" if as_lines else "text", waits=True)


def _read_task(command: str, task: str, task_file: str, services: Services) -> str:
    if task and task_file:
        raise UsageError("the task is said twice", hint="--task TEXT or --task-file FILE, not both")
    if not task and not task_file:
        raise UsageError(f"{command} for what?", hint=f'aiex {command} --task "the parser drops the last line"')
    if task:
        return task
    if task_file == "-":
        return read_text_input(f"aiex {command} --task-file FILE").decode("utf-8", "replace")
    from aiex.guard.sandbox.named import read_named

    content = read_named(os.path.join(services.cwd, task_file), limit_bytes=TASK_LIMIT_BYTES)
    return content.decode("utf-8", "replace")


@click.command("list")
def list_context() -> Work:
    """List the files that the index knows, how many pieces each has, and which are new or changed."""

    def prepare(services: Services) -> Job:
        from aiex.jobs.inspect import list_files

        return lambda: list_files(services.index)

    return Work("list context", prepare)


@click.command("show")
@click.option("--task", default="", metavar="TEXT", help="Show what would be sent for this task, and why.")
@click.option("--task-file", default="", metavar="FILE", help="The same from a file; - is standard input.")
@click.option("--map", "as_map", is_flag=True, help="Show the definitions that tell most, by file and line.")
@budget_option(f"Pack at most N tokens; of a map, {MAP_TOKENS:,} when it is not said.")
def show_context(task: str, task_file: str, *, as_map: bool) -> Work:
    """Show what is known of the workspace, in which tier of memory, and how fresh it is.

    With a task, show what would be sent for it: each piece, how much of it, its tokens, and why it is there.

    With --map, show where the workspace defines what is used most, or with a task what matters for that.

    \b
    aiex show context --task "the parser drops the last line"
    aiex show context --map --budget 4000
    """

    def prepare(services: Services) -> Job:
        from aiex.jobs.embedding import with_vectors
        from aiex.jobs.inspect import show_known, show_map, show_pack

        said = bool(task or task_file)
        if not said and not as_map:
            return lambda: show_known(services.retrieval, services.engine)
        words = _read_task("show context", task, task_file, services) if said else ""
        budget = services.settings.get("budget_tokens")
        if as_map and services.settings.origin("budget_tokens").source != "flag":
            budget = min(budget, MAP_TOKENS)

        def start() -> Events:
            show = show_map if as_map else show_pack
            return show(words, budget, services.retrieval, lambda text: services.counting(text, services.model))

        return lambda: with_vectors(start, services.retrieval, None, words.strip())

    return Work("show context", prepare)


NOUN = Noun({"list": list_context, "query": query_context, "show": show_context}, {"index": ("create", "index")})
