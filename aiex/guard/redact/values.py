"""Whether a value is a secret written out, or a reference, a type, a placeholder, an expression, an ordinary word."""

import re
from functools import lru_cache

from aiex.guard.randomness import is_random
from aiex.guard.redact.names import Strength
from aiex.patterns import late

REMOVED = "[removed]"
"""What stands where a secret stood."""
SHORTEST = 4
"""Shorter values are ordinary words more often than secrets."""
_REMEMBERED = 128
_WEAK_SHORTEST = 16
_PLAIN = frozenset(
    str.split(
        "true false none null nil undefined yes no on off str string strings bytes byte int integer number float bool "
        "boolean any object array list dict map text varchar char unicode secretstr optional required expected "
        "default auto empty unset set missing invalid valid expired incorrect wrong changed enabled disabled hidden "
        "redacted removed masked filtered unknown bearer basic digest oauth oauth2 jwt token tokens secret secrets "
        "password passwords passwd pass passphrase key keys apikey credential credentials auth username user login "
        "email value changeme changeit example sample dummy placeholder fake foo bar baz foobar test tests testing "
        "todo tbd fixme here your insert replace unicode function const var let self this return void static final "
        "readonly file env environ environment vault confirm current new old reset forgot please enter choose "
        "generate generated prompt ask inherit scrubbed sensitive never always public private primary foreign unique "
        "index deprecated accepted denied rejected failed failure ok"
    )
)
"""A value of this one word alone is no secret: types, states and what examples are called."""
_EXAMPLES = frozenset(
    str.split(
        "your my example examples sample dummy placeholder changeme change replace insert enter here fake test "
        "testing todo secret password token key the a some xxx foo bar api goes not real put add mock stub default "
        "value demo redacted none"
    )
)
_REFERENCE = late(
    r"""(?x)
    <[^<>]*>? | \[[^\]]*\]? | \{\{.* | \{[\w.:\s!$-]*\} | \#\{.* | \$\{.* | \$\(.* | `.* | \$[A-Za-z_][\w:.]*
    | %[A-Za-z_]\w*% | %\(\w+\)s | %[sdrv@] | @[\w.]+@ | ![A-Za-z]+\b.* | @Microsoft\.KeyVault.* | ENC[\[(].*
    | (?:op|vault|ssm|arn|secretsmanager|env|file|keyring|secretref|secret|awssm|gcpsm|doppler|keychain|keyvault):.*
    | projects/.*/secrets/.* | [xX*.\-_#•·●…0?~=]+
    | (?:x{3,}|X{3,}|\*{3,}|•{3,}|\.{3,}|…).* | .*(?:X{5,}|x{5,}|\*{4,}|•{4,}|\.{3}|…).*
    | (?:sha\d{1,3}|SHA\d{1,3}|md5|MD5|h1|blake\w+)[-:].* | process\.env\b.* | os\.(?:environ|getenv)\b.*
    | .*EXAMPLE(?:KEY)?
    | (?:0[xX])?(?:deadbeef|cafebabe|0123456789abcdef)+
    """
)
_WORDS = late(r"[A-Za-z]+(?:[-_. :/][A-Za-z]+)*")
_PATH = late(
    r"(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.@+-]+)+[/\\]?|(?:[\w.@-]+/)+[\w@-]+\.[a-z]\w{0,5}|[\w.-]+\.(?:pem|key|crt|json|txt|ya?ml|toml|env|p12|pfx|jks|pub|conf|py|js|ts|go|rb)"
)
_EXPRESSION = late(r"[A-Za-z_$][\w$]*(?:(?:\.|->|::|\?\.|!\.)[A-Za-z_$][\w$]*)+")
_IDENTIFIER = late(r"[A-Za-z_$]++\d{0,2}+(?:_[A-Za-z_]++\d{0,2}+)*+")
_UUID = late(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = late(r"(?:0[xX])?[0-9a-fA-F:]+")
_NUMBER = late(r"[-+]?[\d._,:/TZ -]*(?:[smhdKMG]|ms|[KMG]i?B|px|%)?")
_SENTENCE = late(r"[^\W\d_][\w'\u2019\-/()&]*(?:[,.;:!?…]*[ ]+[\w'\u2019\-\"/()&{}%<>$]+)+[,.;:!?…]*", re.UNICODE)


def is_secret(value: str, strength: Strength, *, quoted: bool = True, data: bool = True) -> bool:
    """Whether a value of a field of this strength is a secret written out.

    Args:
        value: Without its quotes.
        strength: What the name says.
        quoted: It stands in quotes, so it is no expression.
        data: It stands in a file of settings, a query, a header or a command line, where bare words are values;
            otherwise it stands in source text or prose, where they are names.
    """
    if len(value) < SHORTEST or strength is Strength.NONE:
        return False
    if strength < Strength.STRONG and (len(value) < _WEAK_SHORTEST or not is_random(value)):
        return False
    if is_ordinary(value, strength):
        return False
    if strength < Strength.STRONG:
        return strength is Strength.DRAWN or not _names_content(value)
    if _WORDS.fullmatch(value) is not None:
        return _is_secret_word(value, strength, quoted=quoted, data=data)
    if quoted or data:
        return True
    return is_random(value) or not (_IDENTIFIER.fullmatch(value) or _EXPRESSION.fullmatch(value) or len(value) < 8)


def _is_secret_word(value: str, strength: Strength, *, quoted: bool, data: bool) -> bool:
    """The same for a value of letters alone."""
    if is_random(value):
        return True
    words = re.split(r"[-_. :/]", value.lower())
    if not _EXAMPLES.isdisjoint(words) or _is_camel_example(value):
        return False
    if quoted:
        return " " not in value or strength is Strength.PASSWORD
    return data and len(words) == 1 and (strength is Strength.PASSWORD or len(value) >= 8) and not value[0].isupper()


def _is_camel_example(value: str) -> bool:
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", value)}
    return len(words) > 1 and not _EXAMPLES.isdisjoint(words)


def is_ordinary(value: str, strength: Strength = Strength.STRONG) -> bool:
    """Whether a value is a placeholder, a reference, a type, a number, a path or a sentence."""
    return _is_ordinary(value, strength) if len(value) <= _REMEMBERED else _is_ordinary.__wrapped__(value, strength)


@lru_cache(maxsize=2048)
def _is_ordinary(value: str, strength: Strength) -> bool:
    if value.startswith("{") and value.endswith("}") and is_random(value[1:-1]):
        return False  # ODBC quotes by braces
    if value.lower() in _PLAIN or _REFERENCE.fullmatch(value) is not None:
        return True
    if _NUMBER.fullmatch(value) is not None:
        return strength is not Strength.PASSWORD or not value.isdigit()
    if _is_path(value):
        return True
    if "://" in value or value.rstrip().endswith(":"):
        return True
    if " " in value and _SENTENCE.fullmatch(value) is not None:
        return _is_sentence(value)
    return _is_example(value)


def _is_path(value: str) -> bool:
    if _PATH.fullmatch(value) is None:
        return False
    return not any(len(part) >= 16 and is_random(part) for part in re.split(r"[/\\]", value))


def _is_sentence(value: str) -> bool:
    words = value.lower().split()
    if any(is_random(word) for word in words):
        return False
    plain = {word.strip(".,;:!?…'\"()") for word in words}
    return (
        value[0].isupper()
        or value[-1] in ".!?:…"
        or not plain.isdisjoint(_PLAIN | {"the", "is", "must", "not", "for", "to", "of"})
    )


def _is_example(value: str) -> bool:
    """`your-api-key-here`, `my_token_123`: words joined, one of which says that it is an example."""
    words = [word for word in re.split(r"[^a-z0-9]+", value.lower()) if word]
    if len(words) < 2 or not all(word.isalpha() or (word.isdigit() and len(word) <= 4) for word in words):
        return False
    return not {
        "your",
        "example",
        "placeholder",
        "changeme",
        "here",
        "dummy",
        "fake",
        "xxx",
        "sample",
        "test",
        "my",
    }.isdisjoint(words)


def _names_content(value: str) -> bool:
    """Whether a value identifies content, as hashes and unique ids do."""
    return (
        _HEX.fullmatch(value) is not None
        or _UUID.fullmatch(value) is not None
        or bool(re.search(r"[\s/.:,]", value.strip("/.:,")) and not _is_base64(value))
    )


def _is_base64(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9+/]{16,}={0,2}", value) is not None and not _is_wordy_path(value)


def _is_wordy_path(value: str) -> bool:
    return all(re.fullmatch(r"[a-zA-Z]?[a-z]*\d{0,2}|[A-Z]+", part) for part in re.split(r"[/+]", value))


def is_wordy(value: str) -> bool:
    """Whether a value is made of letters, with signs that join words, and does not look random."""
    return re.fullmatch(r"[^\W\d_]*(?:[-_. :/,'\u2019][^\W\d_]*)*", value) is not None and not is_random(value)


def is_call(value: str) -> bool:
    """Whether a bare value begins like the call of a function, or a type with parameters."""
    return re.match(r"[A-Za-z_$][\w$.:]*\(|(?:[A-Z][a-z]+|list|dict|tuple|set|type)\[", value) is not None


def is_expression(value: str) -> bool:
    """Whether a bare value is source text: a call, an index, an attribute."""
    if re.match(r"[A-Za-z_$][\w$.:]*(?:[(\[<{]|\?\.|->)", value) is not None:
        return True
    return _EXPRESSION.fullmatch(value) is not None and not any(is_random(part) for part in re.split(r"\W+", value))


def is_base64_pair(value: str) -> bool:
    """Whether a value is `name:password` in base64, as in Docker's settings and basic authorization."""
    import base64
    import binascii

    if re.fullmatch(r"[A-Za-z0-9+/]{8,}={0,2}", value) is None or len(value) % 4:
        return False
    try:
        plain = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return ":" in plain[1:] and plain.isprintable()
