"""What a path may say, and which names are protected or secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import Denied
from aiex.guard.sandbox.paths import DEFAULT_RULES, AskedPath, NameRules, fold_name, normalise, parse


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("src//./app.py", AskedPath(["src", "app.py"], absolute=False, must_be_directory=False)),
        ("a/../b", AskedPath(["a", "..", "b"], absolute=False, must_be_directory=False)),
        ("src/", AskedPath(["src"], absolute=False, must_be_directory=True)),
        ("src/.", AskedPath(["src"], absolute=False, must_be_directory=True)),
        (".", AskedPath([], absolute=False, must_be_directory=True)),
        ("//tmp/x", AskedPath(["tmp", "x"], absolute=True, must_be_directory=False)),
        ("..foo/...", AskedPath(["..foo", "..."], absolute=False, must_be_directory=False)),
        (" a ", AskedPath([" a "], absolute=False, must_be_directory=False)),
        ("caf\udce9", AskedPath(["caf\udce9"], absolute=False, must_be_directory=False)),
    ],
)
def test_a_path_is_read_literally(path: str, asked: AskedPath) -> None:
    assert parse(path) == asked


@pytest.mark.parametrize(
    "path",
    [
        *("", "a\0b", "~", "~/x", "~root", "C:evil", "c:/x", "C:\\x", "\\\\server\\share", "\\x", "..\\x", "a\\..\\b"),
        *("a/b\\..\\c", "a\\.. \\b", "\ud800"),
    ],
)
def test_a_path_with_a_forbidden_form_is_refused(path: str) -> None:
    with pytest.raises(Denied):
        parse(path)


@pytest.mark.parametrize("path", ["a\\b.txt", "./C:x", "./~x", "ab:c", "..a\\b"])
def test_an_odd_but_possible_name_is_not_refused(path: str) -> None:
    assert parse(path).parts


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        *[
            (".GIT", ".git"),
            (".git. .", ".git"),
            (".git::$INDEX_ALLOCATION", ".git"),
            ("GIT~1", ".git"),
            ("git~12", ".git"),
        ],
        *[(".g\u200cit", ".git"), (".gi\u00adt\ufe0f", ".git"), (".\u017fsh", ".ssh"), ("\u212aey", "key")],
        *[("git~", "git~"), ("git~1a", "git~1a"), (".gitx", ".gitx"), (" .git", " .git"), ("stra\u00dfe", "strasse")],
    ],
)
def test_a_name_is_folded_as_the_most_forgiving_file_system_would(name: str, folded: str) -> None:
    assert fold_name(name) == folded


@pytest.mark.parametrize(
    "path",
    [
        *(".git", ".git/config", "sub/.git/hooks/x", ".GIT/x", "git~1/config", ".git /x", ".aiex/config.toml"),
        *("a/.vscode/tasks.json", ".mcp.json", "x/.envrc", ".gitmodules", ".Claude/settings.json", "x\\.git\\config"),
    ],
)
def test_a_protected_name_protects_wherever_it_stands(path: str) -> None:
    assert DEFAULT_RULES.protected_name(path)


@pytest.mark.parametrize(
    "path", [".gitattributes", ".gitignore", "agit/x", "git/config", ".github/x", "mcp.json", ".env"]
)
def test_a_name_that_only_looks_protected_is_not(path: str) -> None:
    assert not DEFAULT_RULES.protected_name(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env",
            "a/.ENV",
            ".env.local",
            ".env. ",
            ".env::$DATA",
            "id_rsa",
            "x/server.KEY",
            "a.p12",
            "a.pfx",
            ".netrc",
        ),
        *(".aws/credentials", "home/.AWS/Credentials", ".ssh/config", ".ssh/keys/a", ".docker/config.json"),
        *(".kube/config", ".env/x", ".e\u200bnv"),
    ],
)
def test_a_secret_is_known_by_its_name(path: str) -> None:
    assert DEFAULT_RULES.secret_name(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env.example",
            "a/.ENV.Sample",
            "id_rsa.pub",
            ".ssh/id_rsa.pub",
            "env.ts",
            ".envrc",
            "monkey",
            "key",
            "keys.py",
        ),
        *(
            "credentials",
            "aws/credentials",
            "config.json",
            ".docker/other.json",
            ".aws",
            ".ssh",
            "x.keys",
            "id_rsa_test.py",
        ),
    ],
)
def test_an_example_or_an_ordinary_name_is_no_secret(path: str) -> None:
    assert not DEFAULT_RULES.secret_name(path)


def test_a_glob_of_ones_own_may_have_several_stars() -> None:
    rules = NameRules(secret_globs=("*secret*.y*ml",))
    assert rules.secret_name("my-Secret-2.yaml")
    assert not rules.secret_name("secret.txt")


def test_normalising_stops_at_the_start() -> None:
    assert normalise(["a", "..", "b"]) == ["b"]
    assert normalise(["a", "..", "..", "b"]) is None


@given(st.text())
def test_folding_is_stable(name: str) -> None:
    assert fold_name(fold_name(name)) == fold_name(name)


@given(
    st.lists(st.sampled_from(["a", ".env", ".ssh", "k", "x.key", "id_rsa", "b.pub", ".aws", "credentials"]), min_size=1)
)
def test_components_called_harmless_never_make_a_secret(names: list[str]) -> None:
    if all(DEFAULT_RULES.is_harmless(name) for name in names):
        assert not DEFAULT_RULES.secret_name("/".join(names))


@given(st.text())
def test_any_text_is_either_parsed_or_denied(path: str) -> None:
    try:
        asked = parse(path)
    except Denied:
        return
    assert not {"", "."} & set(asked.parts)
