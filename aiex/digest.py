"""Short fingerprints of bytes, without loading OpenSSL."""

try:
    from _blake2 import blake2b  # `hashlib` gives the same class but loads OpenSSL first, which costs 5 to 20 ms
except ImportError:  # an interpreter built without its own blake2
    from hashlib import blake2b


def fingerprint(data: bytes, *, size_bytes: int = 16) -> str:
    """The BLAKE2b digest of `data` as lower-case hex, twice `size_bytes` characters long (size 1 to 64)."""
    return blake2b(data, digest_size=size_bytes).hexdigest()
