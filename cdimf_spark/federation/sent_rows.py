"""X + U of some users with their pseudonyms as bytes: what one row of `exchange` carries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# Largest payload of one row of `exchange`.
_PAYLOAD_BYTES = 4 << 20

Int64 = NDArray[np.int64]
Matrix = NDArray[np.float32]


def pack_rows(keys: Int64, rows: Matrix) -> Iterator[NDArray[np.uint8]]:
    """Bytes of users, in parts.

    Parameters
    ----------
    keys : int64 (n,)
        Keys of the pseudonyms.
    rows : float32 (n, rank)
    """
    step = max(1, _PAYLOAD_BYTES // (keys.itemsize + rows.itemsize * rows.shape[1]))
    for start in range(0, len(keys), step):
        part = slice(start, start + step)
        named = np.ascontiguousarray(keys[part]), np.ascontiguousarray(rows[part])
        yield np.concatenate([one.reshape(-1).view(np.uint8) for one in named])


def unpack_rows(payload: bytes, n: int, rank: int) -> tuple[Int64, Matrix]:
    """Keys and rows of a payload.

    Raises
    ------
    ValueError
        If it does not have n users of that rank.
    """
    if n < 0 or len(payload) != n * (8 + 4 * rank):
        raise ValueError(f"{len(payload)} bytes are not {n} rows of rank {rank}")
    keys = np.frombuffer(payload, np.int64, n)
    return keys, np.frombuffer(payload, np.float32, offset=8 * n).reshape(n, rank)


def what_is_wrong(rows: Matrix, longest: float) -> str:
    """Say why rows cannot be used; empty if they can.

    Parameters
    ----------
    longest : float
        A row must not be longer.
    """
    if not np.isfinite(rows).all():
        return "rows that are not finite"
    lengths = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    if len(rows) and lengths.max() > longest:
        return f"a row of length {lengths.max():.3g}, longer than {longest:.3g}"
    return ""
