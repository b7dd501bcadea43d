"""What is made of the secret key of the parties: digests that show a change, and a check of it.

The key itself makes the pseudonyms (`preparation`), as ``prepare`` does.
"""

from __future__ import annotations

import hashlib
import hmac

# Between the fields of what is signed; no name or number has it.
_BETWEEN = b"\x1f"


def digest_key(key: bytes, federation: str) -> bytes:
    """Key of the digests of one federation: 32 bytes that do not tell the key itself."""
    return hmac.digest(key, b"cdimf_spark digest " + federation.encode(), hashlib.sha256)


def sign(secret: bytes, *fields: str | int | bytes) -> bytes:
    """HMAC-SHA256 of some fields, in their order.

    Parameters
    ----------
    secret : bytes
        See `digest_key`.
    *fields : str, int or bytes
        What must not change. A payload comes last: it may contain anything.
    """
    texts = [one if isinstance(one, bytes) else str(one).encode() for one in fields]
    return hmac.digest(secret, _BETWEEN.join(texts), hashlib.sha256)


def is_signed(secret: bytes, digest: bytes, *fields: str | int | bytes) -> bool:
    """Tell whether a digest is that of the fields."""
    return hmac.compare_digest(digest, sign(secret, *fields))
