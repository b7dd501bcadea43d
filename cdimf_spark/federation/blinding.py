"""Blinding of names for a private set intersection: who is shared, and nothing of the others.

A name is hashed to a point u of Curve25519, and multiplied by a secret scalar a of its party:
X25519(a, u). Multiplications commute, so a name that two parties have ends as the same point once
both have blinded it, in whatever order; without the secret scalars a point tells no name (Huberman,
Franklin and Hogg, 1999; Curve25519: RFC 7748).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from importlib.util import find_spec

from cdimf_spark.errors import MissingPackageError

KEY_BYTES = POINT_BYTES = 32


def new_blinding_key() -> bytes:
    """A secret scalar: 32 random bytes, for one party and one training."""
    return os.urandom(KEY_BYTES)


def check_blinding() -> None:
    """Raise MissingPackageError where the package that blinds is not installed."""
    if find_spec("cryptography") is None:
        raise MissingPackageError("identity: psi", "the package cryptography", "psi")


def blind_names(key: bytes, names: Iterable[str]) -> list[bytes]:
    """Hash names to points and blind them.

    Parameters
    ----------
    key : bytes
        See `new_blinding_key`.
    names : iterable of str
        What the parties call a user: a pseudonym.

    Returns
    -------
    list of bytes
        A point of 32 bytes for each, in their order.
    """
    return blind_points(key, (hashlib.sha256(name.encode()).digest() for name in names))


def blind_points(key: bytes, points: Iterable[bytes]) -> list[bytes]:
    """Blind points of another party once more.

    Raises
    ------
    ValueError
        If one is no point, or one of the few that any scalar makes zero.
    """
    # Half a second of imports that trainings without an intersection do not need.
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    secret = X25519PrivateKey.from_private_bytes(key)
    return [secret.exchange(X25519PublicKey.from_public_bytes(point)) for point in points]
