"""Keys of ids, and initial factors that depend on nothing but the seed and the key of their row.

Domains must agree on the first rows of their shared users without talking to each other, and a row
must not depend on how the data is cut into blocks. So there is no stream of random numbers: entry
(key, column) is a hash of (seed, key, column), read as a uniform number and mapped to a normal one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray
from scipy.special import ndtri

Int64 = NDArray[np.int64]
UInt64 = NDArray[np.uint64]
Matrix = NDArray[np.float32]

# Spark's xxhash64 expression always uses this seed.
_SPARK_HASH_SEED = 42
# Step of the counter: 2**64 divided by the golden ratio, as in splitmix64.
_GOLDEN = 0x9E3779B97F4A7C15
# Entries of one chunk: its temporaries are a few MB, whatever the number of rows.
_CHUNK_ENTRIES = 1 << 18


def id_keys(ids: Sequence[str]) -> Int64:
    """64-bit keys of string ids, equal to Spark SQL's ``xxhash64(id)`` on a string column.

    Parameters
    ----------
    ids : sequence of str, length n
        Ids as the user gave them.

    Returns
    -------
    int64 (n,)
        xxhash64 of the UTF-8 bytes with seed 42, read as a signed integer.

    Raises
    ------
    TypeError
        If an id is not a string.
    UnicodeEncodeError
        If an id has no UTF-8 form (a lone surrogate).
    """
    digests = (xxhash.xxh64_intdigest(_utf8(one), seed=_SPARK_HASH_SEED) for one in ids)
    return np.fromiter(digests, np.uint64, count=len(ids)).view(np.int64)


def domain_item_keys(domain: str, item_keys: Int64) -> Int64:
    """Keys of the items of one domain, for their initial rows.

    Item "42" of a sports shop and item "42" of a video service are different things and must not
    start alike, nor like the user "42".

    Parameters
    ----------
    domain : str
        Name of the domain.
    item_keys : int64 (n,)
        Keys of the item ids (``id_keys``).

    Returns
    -------
    int64 (n,)
        Distinct for distinct `item_keys`.
    """
    domain_state = _mix(id_keys([domain]).view(np.uint64))
    return _mix(item_keys.view(np.uint64) ^ domain_state).view(np.int64)


def initial_factors(keys: Int64, seed: int, rank: int, sigma: float) -> Matrix:
    """Draw normal rows that are a function of (seed, key) only.

    Parameters
    ----------
    keys : int64 (n,)
        Key of each row.
    seed : int
        Seed of the run; taken modulo 2**64.
    rank : int
        Number of columns d.
    sigma : float
        Expected length of a row; the standard deviation of an entry is ``sigma / sqrt(rank)``.

    Returns
    -------
    float32 (n, d)
    """
    states = _mix(keys.view(np.uint64) ^ _mix(np.array([seed % 2**64], np.uint64)))
    steps = np.arange(1, rank + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    scale = sigma / math.sqrt(rank)
    factors = np.empty((len(keys), rank), np.float32)
    rows = max(1, _CHUNK_ENTRIES // rank)
    for start in range(0, len(keys), rows):
        bits = _mix(states[start : start + rows, None] + steps)
        factors[start : start + rows] = scale * ndtri(_uniform(bits))
    return factors


def _utf8(one: str) -> bytes:
    if not isinstance(one, str):
        raise TypeError(f"ids must be strings, got {type(one).__name__} {one!r}")
    return one.encode()


def _mix(bits: UInt64) -> UInt64:
    """Finish like splitmix64: a bijection of 64-bit words; every bit affects every bit."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _uniform(bits: UInt64) -> NDArray[np.float64]:
    """Numbers strictly between 0 and 1: with the top 52 bits, half a step is still exact."""
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
