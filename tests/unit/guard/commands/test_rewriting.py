"""No rewriting of a command makes it milder, and no text at all makes the classifier fail."""

import re

from hypothesis import given
from hypothesis import strategies as st

from aiex.guard.commands.classify import classify
from aiex.guard.commands.verdict import LEVELS
from tests.unit.guard.commands.corpus import commands

WHOLE = [
    command
    for level in ("ask", "forbidden")
    for command in commands(level)
    if not {"does not parse", "text"} & {reason.rule for reason in classify(command).reasons}
]
"""What is complete as it stands, so that nothing around it can give it another meaning."""
SIMPLE = [command for command in WHOLE if re.fullmatch(r"[a-z]+ [\w./ =+-]+", command)]

FRAMES = (
    *(
        "( {} )",
        "{{ {}\n}}",
        "! {{ {}\n}}",
        "if true; then\n{}\nfi",
        "if ls; then :; else\n{}\nfi",
        "ls; {}",
        "ls && {}",
    ),
    *(
        "true || {}",
        "{}\nls",
        "ls\n\n{}",
        "{{ {}\n}} > /dev/null",
        "{{ {}\n}} 2>&1",
        "{{ {}\n}} | cat",
        "ls | {{ {}\n}}",
    ),
    *(
        "for zz in a b; do\n{}\ndone",
        'echo "$(\n{}\n)"',
        "echo $(\n{}\n)",
        "cat <(\n{}\n)",
        "case a in a)\n{}\n;; esac",
    ),
    *(
        "zz=1; {}",
        "zz=$(\n{}\n)",
        "LC_ALL=C; {}",
        "# words\n{}",
        "while read zz; do\n{}\ndone < README.md",
        "cd src; {}",
    ),
    *("{{\n(\n{}\n)\n}}", "[ -f README.md ] && {{ {}\n}}", "[[ -n a ]] || ( {}\n)"),
)


@given(st.sampled_from(WHOLE), st.lists(st.sampled_from(FRAMES), min_size=1, max_size=4))
def test_nesting_raises_nothing_to_safe(command: str, frames: list[str]) -> None:
    for frame in frames:
        command = frame.format(command)
    assert classify(command).level != "safe"


@given(st.sampled_from(SIMPLE), st.data())
def test_quoting_and_spacing_raise_nothing_to_safe(command: str, data: st.DataObject) -> None:
    spellings = ("{}", "'{}'", '"{}"', "\\{}", "$'{}'", "''{}", '{}""', "\\\n{}")
    letters = [
        letter
        if letter == " "
        else data.draw(st.sampled_from(spellings)).format(letter)
        if data.draw(st.booleans())
        else letter
        for letter in command
    ]
    blank = data.draw(st.sampled_from([" ", "  ", "\t", " \\\n "]))
    rewritten = "".join(blank if letter == " " else letter for letter in letters)
    assert classify(rewritten).level != "safe"


@given(st.sampled_from(SIMPLE))
def test_spelling_in_escapes_raises_nothing_to_safe(command: str) -> None:
    octal = " ".join("$'" + "".join(f"\\{ord(letter):03o}" for letter in word) + "'" for word in command.split(" "))
    hexadecimal = " ".join(
        "$'" + "".join(f"\\x{ord(letter):02x}" for letter in word) + "'" for word in command.split(" ")
    )
    assert "safe" not in {classify(octal).level, classify(hexadecimal).level}


@given(st.sampled_from(SIMPLE))
def test_braces_and_variables_raise_nothing_to_safe(command: str) -> None:
    name, *rest = command.split(" ")
    braces = "{" + ",".join([name, *rest, rest[-1]]) + "}"
    variables = "; ".join(f"v{at}={word}" for at, word in enumerate(rest))
    used = " ".join(f'"$v{at}"' for at in range(len(rest)))
    assert classify(braces).level != "safe"
    assert classify(f"{variables}; {name} {used}").level != "safe"
    assert classify(f"n={name}; $n {' '.join(rest)}").level != "safe"


@given(
    st.sampled_from(commands("forbidden")),
    st.sampled_from(["sudo {}", "env A=1 {}", "nohup {}", "timeout 5 {}", "xargs {}"]),
)
def test_a_wrapper_hides_nothing_that_is_forbidden(command: str, wrapper: str) -> None:
    if re.fullmatch(r"(?:rm|chmod|chown|mkfs\S*|dd|mv|crontab|cp|ln|touch|nc|ncat) [\w./ =~-]+", command):
        assert classify(wrapper.format(command)).level == "forbidden"


@given(st.text())
def test_whatever_follows_a_writer_does_not_make_it_safe(text: str) -> None:
    assert classify(f"touch PWNED {text}").level != "safe"


_SIGNS = st.text(st.sampled_from("ls echo(){}[]<>|&;$`\"'\\\n\t #!*?~=-+,.:/@%^a1"))


@given(_SIGNS)
def test_shell_signs_never_break_the_classifier(text: str) -> None:
    assert classify(text).level in LEVELS


@given(st.binary())
def test_bytes_never_break_the_classifier(data: bytes) -> None:
    assert classify(data.decode("utf-8", "surrogateescape")).level in LEVELS


@given(st.sampled_from(WHOLE), st.binary(min_size=1, max_size=8))
def test_bytes_behind_a_command_raise_nothing_to_safe(command: str, data: bytes) -> None:
    text = f"{command}\n{data.decode('utf-8', 'surrogateescape')}"
    assert classify(text).level != "safe" or "<<" in command
