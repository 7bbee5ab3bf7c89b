"""Fingerprints are BLAKE2b, whichever module gives it."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from aiex.digest import fingerprint


@pytest.mark.parametrize("size_bytes", [1, 8, 16, 64])
def test_a_fingerprint_is_the_blake2b_digest_of_its_size(size_bytes: int) -> None:
    assert fingerprint(b"abc", size_bytes=size_bytes) == hashlib.blake2b(b"abc", digest_size=size_bytes).hexdigest()


def test_openssl_is_not_loaded() -> None:
    code = "import sys, aiex.digest; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"hashlib", "_hashlib"}.isdisjoint(loaded)
