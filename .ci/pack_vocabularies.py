"""Pack the published vocabularies o200k_base and cl100k_base into the data files that `aiex.tokens` reads.

Usage: python .ci/pack_vocabularies.py FOLDER

FOLDER holds `o200k_base.tiktoken` and `cl100k_base.tiktoken` (or the same with `.gz`) as OpenAI publishes them: one
token per line, base64, and its rank. The wheel of the project `bpe-openai` on the Python Package Index carries both.
A file whose SHA-256 is not the one that tiktoken pins is refused.
"""

import base64
import gzip
import hashlib
import sys
import zlib
from pathlib import Path

PINNED = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""SHA-256 of the published text files. Source: tiktoken 0.14, `tiktoken_ext/openai_public.py`."""

TARGET = Path(__file__).resolve().parent.parent / "aiex" / "data" / "vocabularies"


def read_published(folder: Path, name: str) -> bytes:
    plain = folder / f"{name}.tiktoken"
    text = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.tiktoken.gz").read_bytes())
    digest = hashlib.sha256(text).hexdigest()
    if digest != PINNED[name]:
        sys.exit(f"{name}: SHA-256 is {digest}, expected {PINNED[name]}")
    return text


def pack(text: bytes) -> bytes:
    """The packed form: token count (4 bytes, big end first), lengths (1 byte each), tokens in rank order; zlib."""
    rows = [line.split() for line in text.splitlines()]
    if [int(rank) for _, rank in rows] != list(range(len(rows))):
        sys.exit("ranks are not contiguous")
    tokens = [base64.b64decode(token) for token, _ in rows]
    return zlib.compress(len(tokens).to_bytes(4, "big") + bytes(map(len, tokens)) + b"".join(tokens), 9)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name in PINNED:
        packed = pack(read_published(Path(sys.argv[1]), name))
        (TARGET / f"{name}.ranks").write_bytes(packed)
        print(f"{name}.ranks: {len(packed):,} bytes")


if __name__ == "__main__":
    main()
