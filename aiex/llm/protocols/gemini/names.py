"""Names of tools as Gemini takes them, and back.

Gemini takes `[A-Za-z_][A-Za-z0-9_.:-]*` up to 128 characters. A name that does not fit is spelled out, so that the way
back needs no memory: `read file` is `t:read:20:file`. One that is too long even so ends in a hash, and the way back is
remembered by this process, which always sends a name before it can be called.
"""

import re
from hashlib import blake2b

from aiex.patterns import late

MAX_CHARACTERS = 128
_FITS = late(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_SPELLED, _HASHED = "t:", "h:"
_MAX_LONG = 4096
_long: dict[str, str] = {}


def to_wire_name(name: str) -> str:
    """A name that Gemini takes, a different one for every name."""
    if _FITS.fullmatch(name) and not name.startswith((_SPELLED, _HASHED)):
        return name
    spelled = _SPELLED + re.sub(r"[^A-Za-z0-9_.-]", lambda found: f":{ord(found[0]):x}:", name)
    return spelled if len(spelled) <= MAX_CHARACTERS else _shorten(name)


def from_wire_name(name: str) -> str:
    """The name that `to_wire_name` was given; any other name comes back itself."""
    if name.startswith(_HASHED):
        return _long.get(name, name)
    if not name.startswith(_SPELLED):
        return name
    spelled = name.removeprefix(_SPELLED)
    return re.sub(r":([0-9a-f]{1,6}):", lambda found: _character(found[1], found[0]), spelled)


def _character(code: str, otherwise: str) -> str:
    return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else otherwise


def _shorten(name: str) -> str:
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    short = f"{_HASHED}{re.sub(r'[^A-Za-z0-9_.-]', '_', name[:90])}-{digest}"
    if short not in _long and len(_long) >= _MAX_LONG:
        del _long[next(iter(_long))]
    _long[short] = name
    return short
