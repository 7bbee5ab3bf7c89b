"""The parts of git that only tell; git's own configuration is trusted no further than plain `git status` needs."""

import re

from aiex.guard.commands.options import Call, Tool, missing, read_arguments, unclear
from aiex.guard.commands.values import Arg
from aiex.guard.commands.verdict import Operand
from aiex.patterns import late

_FORMAT = (
    " -5 -n:number --oneline --graph --decorate?:text --no-decorate --decorate-refs:text --abbrev-commit"
    " --no-abbrev-commit"
    " --abbrev?:number --format?:format --pretty?:format --date:text --relative-date --max-count:number --skip:number"
    " --since:text --until:text --after:text --before:text --author:text --committer:text --grep:text -i -E -F -P"
    " --regexp-ignore-case --extended-regexp --fixed-strings --perl-regexp --invert-grep --all-match --merges"
    " --no-merges"
    " --first-parent --no-walk?:text --reverse --all --branches?:text --tags?:text --remotes?:text --glob:text"
    " --exclude:text"
    " --follow --source --full-history --dense --sparse --simplify-merges --ancestry-path --cherry --cherry-pick"
    " --cherry-mark --not"
    " --left-right --left-only --right-only --boundary --topo-order --date-order --author-date-order --parents"
    " --children"
    " --full-index --no-notes --notes?:text --encoding:text --show-linear-break?:text --min-parents:number"
    " --max-parents:number"
)
_DIFF = (
    " -pusw -b -a -R -z -U:number -M?:text -C?:text -D -B?:text -S:text -G:text -l:number --patch --no-patch"
    " --unified:number"
    " --raw --stat?:text --numstat --shortstat --dirstat?:text --summary --patch-with-stat --name-only --name-status"
    " --color?:text --no-color --color-moved?:text --color-words?:text --word-diff?:text --word-diff-regex:text"
    " --no-renames"
    " --find-renames?:text --find-copies?:text --find-copies-harder --diff-filter:text --minimal --patience --histogram"
    " --diff-algorithm:text --check --text --ignore-space-at-eol --ignore-space-change --ignore-all-space"
    " --ignore-blank-lines"
    " --ignore-cr-at-eol --inter-hunk-context:number --function-context -W --relative?:text --no-prefix"
    " --src-prefix:text"
    " --dst-prefix:text --no-ext-diff --no-textconv --exit-code --quiet --pickaxe-all --pickaxe-regex --compact-summary"
    " --ita-invisible-in-index --no-indent-heuristic --indent-heuristic --binary --cumulative --ignore-submodules?:text"
    " --submodule?:text --no-relative --full-index"
)
_LOG = Tool(_FORMAT + _DIFF + " -m -c --cc -t -r -L:revision", more="revision")
_LIST_REFS = (
    " --format:format --sort:format --contains:revision --no-contains:revision --merged?:revision --no-merged?:revision"
)
_NAMES = late(
    r"(?:user\.(?:name|email)|core\.(?:autocrlf|bare|eol|filemode|ignorecase|editor|pager|hookspath|fsmonitor|worktree)"
    r"|init\.defaultbranch|pull\.\w+|push\.default|branch\.[\w./-]+\.(?:remote|merge)|remote\.[\w-]+\.(?:fetch|url))",
    re.IGNORECASE,
)
"""Settings that hold no secret."""


def _only_with(*options: str) -> Tool:
    """A table for a sub-command that writes unless one of these options stands first."""
    return Tool(reader=lambda call: _listing(call, options))


def _listing(call: Call, options: tuple[str, ...]) -> list[Operand]:
    if any(arg.is_known and arg.text in options for arg in call.args):
        return read_arguments(_LISTS[call.name], call)
    if any(not arg.text.startswith("-") for arg in call.args) or (not call.args and call.name not in _ALONE):
        return [unclear(arg, f"git {call.name} may write with this") for arg in call.args] or [
            missing(f"git {call.name} alone writes")
        ]
    return read_arguments(_LISTS[call.name], call)


_LISTS = {
    "branch": Tool("-alrvq --all --list --remotes --verbose --show-current --color?:text --no-color --column?:text"
                   " --no-column"
                   " --ignore-case --points-at:revision --abbrev?:number --no-abbrev" + _LIST_REFS, more="text"),
    "tag": Tool("-l -n?:number --list --color?:text --column?:text --no-column --ignore-case"
                " --points-at:revision" + _LIST_REFS,
                more="text"),
}  # fmt: skip
_ALONE = frozenset(["branch", "tag"])
"""Sub-commands that list when they get no operand."""


def _first_word(*words: str, more: Tool) -> Tool:
    """A sub-command that tells only when its first argument is one of these words."""

    def read(call: Call) -> list[Operand]:
        if not call.args or not call.args[0].is_known or call.args[0].text not in words:
            why = f"git {call.name} may write"
            return [unclear(arg, why) for arg in call.args] or [missing(why)]
        rest = read_arguments(more, call._replace(args=call.args[1:]))
        return [Operand(call.args[0].text, "option"), *rest]

    return Tool(reader=read)


def _reflog(call: Call) -> list[Operand]:
    """`git reflog` and `git reflog show` are the same."""
    if not call.args or call.args[0].text.startswith("-"):
        return read_arguments(_LOG, call)
    return read_arguments(_first_word("show", more=_LOG), call)


def _config(call: Call) -> list[Operand]:
    words = [arg.text if arg.is_known else "" for arg in call.args]
    if len(words) == 1 and _NAMES.fullmatch(words[0]):
        return [Operand(words[0], "text")]
    if words[:1] in (["--get"], ["--get-all"], ["get"]) and len(words) == 2 and _NAMES.fullmatch(words[1]):
        return [Operand(words[0], "option"), Operand(words[1], "text")]
    return [unclear(arg, "only git config --get of a plain setting is known") for arg in call.args]


def _symbolic_ref(call: Call, operands: list[Operand]) -> list[Operand]:
    names = [operand for operand in operands if operand.role == "revision"]
    return [] if len(names) == 1 else [missing("git symbolic-ref may write")]


_DIFFING = Tool(_DIFF + " --cached --staged --merge-base -t -r -c --cc --base --ours --theirs", more="revision")

SUBCOMMANDS: dict[str, Tool] = {
    "status": Tool(
        "-sbvz -u?:text --short --branch --show-stash --porcelain?:text --long --verbose --untracked-files?:text"
        " --ignored?:text --column?:text --no-column --ahead-behind --no-ahead-behind --renames --no-renames"
        " --find-renames?:text --ignore-submodules?:text",
        more="read",
    ),
    "log": _LOG,
    "show": _LOG,
    "whatchanged": _LOG,
    "reflog": Tool(reader=_reflog),
    "diff": _DIFFING,
    "diff-tree": Tool(_DIFFING.options + " --root --no-commit-id -m -s -v --stdin", more="revision"),
    "diff-index": _DIFFING,
    "diff-files": _DIFFING,
    "shortlog": Tool("-nsec --numbered --summary --email --committer --group:format"
                     + _FORMAT.replace(" -n:number", ""),
                     more="revision"),
    "blame": Tool("-bcefklnpstw -L:text -M?:text -C?:text --root --show-stats --porcelain --line-porcelain"
                  " --show-number"
                  " --show-name --show-email --date:text --abbrev:number --since:text --ignore-rev:revision --reverse"
                  " --first-parent", more="revision"),
    "rev-parse": Tool("-q --verify --quiet --short?:text --abbrev-ref?:text --symbolic --symbolic-full-name"
                      " --show-toplevel"
                      " --show-prefix --show-cdup --git-dir --absolute-git-dir --git-common-dir --is-inside-work-tree"
                      " --is-bare-repository --is-shallow-repository --is-inside-git-dir --all --branches --tags"
                      " --remotes"
                      " --show-superproject-working-tree", more="revision"),
    "rev-list": Tool(_FORMAT + " --count --objects --header --timestamp --stdin", more="revision"),
    "ls-files": Tool("-cdmoiskutvfz -x:text --cached --deleted --modified --others --ignored --stage --unmerged"
                     " --killed"
                     " --directory --no-empty-directory --eol --exclude:text --exclude-standard --error-unmatch"
                     " --full-name"
                     " --deduplicate --abbrev?:number --format:format", more="read"),
    "ls-tree": Tool("-dlrtz --long --name-only --name-status --object-only --full-name --full-tree --abbrev?:number"
                    " --format:format", more="revision"),
    "cat-file": Tool("-tsep", ("revision", "revision")),
    "describe": Tool("--all --tags --contains --long --always --dirty?:text --broken?:text --abbrev:number"
                     " --candidates:number"
                     " --exact-match --first-parent --match:text --exclude:text", more="revision"),
    "merge-base": Tool("-a --all --is-ancestor --octopus --independent --fork-point", more="revision"),
    "name-rev": Tool("--tags --refs:text --name-only --no-undefined --always --all", more="revision"),
    "show-ref": Tool("-qsd --head --heads --branches --tags --verify --quiet --hash?:number"
                     " --dereference", more="text"),
    "for-each-ref": Tool("--count:number --shell --points-at:revision --ignore-case" + _LIST_REFS, more="text"),
    "symbolic-ref": Tool("-q --quiet --short", ("revision",), after=_symbolic_ref),
    "count-objects": Tool("-vH --verbose --human-readable"),
    "check-ignore": Tool("-qvn --quiet --verbose --non-matching --no-index", more="look"),
    "check-attr": Tool("-a --all --cached", ("text",), more="look"),
    "var": Tool(),
    "version": Tool("--build-options"),
    "grep": Tool(
        "-5 -EFGPivwIaclLqhHnrozWp -A:number -B:number -C:number -m:number -e:text -f:read --cached --text"
        " --ignore-case --word-regexp --invert-match --full-name --extended-regexp --basic-regexp --perl-regexp"
        " --fixed-strings --line-number --column --name-only --files-with-matches --files-without-match --count"
        " --color?:text"
        " --no-color --break --heading --show-function --function-context --max-depth:number --recursive --no-recursive"
        " --after-context:number --before-context:number --context:number --threads:number --quiet --all-match --and"
        " --or"
        " --not --only-matching --max-count:number --no-textconv --null",
        ("text",), more="revision", instead="-e -f"),
    "branch": _only_with("--list", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at"),
    "tag": _only_with("--list", "-l", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at"),
    "stash": _first_word("list", "show", more=_LOG),
    "worktree": _first_word("list", more=Tool("-vz --porcelain --verbose")),
    "notes": _first_word("list", "show", more=Tool("", more="revision")),
    "config": Tool(reader=_config),
}  # fmt: skip
"""Sub-command → what it may be given; `git remote` is read by `_remote`."""


def _remote(call: Call) -> list[Operand]:
    """`git remote`, `git remote -v` and `git remote get-url` tell; everything else writes or asks the network."""
    if call.args and call.args[0].is_known and call.args[0].text == "get-url":
        rest = read_arguments(Tool("--push --all", ("text",)), call._replace(args=call.args[1:]))
        return [Operand("get-url", "option"), *rest]
    return [
        Operand(arg.text, "option")
        if arg.text in ("-v", "--verbose")
        else unclear(arg, "git remote may write with this")
        for arg in call.args
    ]


def read_git(call: Call) -> list[Operand]:
    """The sub-command and its arguments; before it only what turns the pager off."""
    found, rest = list[Operand](), list(call.args)
    while (
        rest and rest[0].is_known and rest[0].text in ("--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs")
    ):
        found.append(Operand(rest.pop(0).text, "option"))
    while [arg.text for arg in rest[:2] if arg.is_known] == ["-C", "."]:
        found += [Operand("-C", "option"), Operand(".", "look")]
        rest = rest[2:]
    if not rest:
        return [*found, missing("git is not known without a sub-command")]
    word = rest.pop(0)
    if word.is_known and word.text in ("--version",) and not rest:
        return [*found, Operand(word.text, "option")]
    tool = {**SUBCOMMANDS, "remote": Tool(reader=_remote)}.get(word.text) if _is_plain(word) else None
    if tool is None:
        return [
            *found,
            unclear(word, "git is not known to only read with this"),
            *(Operand(a.text, "unread") for a in rest),
        ]
    found.append(Operand(word.text, "sub-command"))
    if call.folders != frozenset([""]):
        found.append(
            Operand(word.text, "sub-command", "ask", "another directory may be another repository, with its settings")
        )
    return found + read_arguments(tool, call._replace(name=word.text, args=tuple(rest)))


def _is_plain(word: Arg) -> bool:
    return word.is_known and word.written


TOOLS = {"git": Tool(reader=read_git)}
