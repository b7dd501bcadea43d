"""Seeded negative items for an evaluation.

The negatives of a test row are the first `count` distinct, not excluded values of a stream of
uniform item indexes. The stream is a function of (seed, key) alone, so a row gets the same
negatives in any process, in any order, beside any other rows, with any version of numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

Indexes = NDArray[np.int64]

# Constants of the generator splitmix64 (Steele, Lea and Flood 2014).
_STEP = 0x9E3779B97F4A7C15
_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_SHIFTS = (30, 27, 31)


def sample_negatives(n_items: int, count: int, excluded: Indexes, key: int, seed: int) -> Indexes:
    """Draw `count` distinct items that are not excluded, all such subsets being equally likely.

    Parameters
    ----------
    n_items
        Size of the catalogue; items are 0..n_items-1.
    excluded : int64 (n_excluded,)
        Items never to draw, in any order, repeats allowed.
    key, seed
        What the draw depends on: any integers, taken modulo 2^64. Give each test row a key of its
        own.

    Returns
    -------
    int64 (count,)
        In the order of drawing: the first m of them are what `count=m` returns.

    Raises
    ------
    ValueError
        If fewer than `count` items are left, `count` is negative, or `excluded` holds an index
        that is not in the catalogue.
    """
    excluded = np.asarray(excluded, np.int64)
    n_left = _count_left(n_items, excluded)
    if not 0 <= count <= n_left:
        raise ValueError(f"cannot draw {count} items: {n_items} items, {n_left} not excluded")
    n_draws = _expected_draws(n_items, n_left, count)
    while True:
        negatives = _distinct_draws(n_items, excluded, n_draws, key, seed)
        if len(negatives) >= count:
            return negatives[:count]
        # The longer stream starts with the shorter one: the result does not depend on n_draws.
        n_draws *= 2


def sample_negatives_batch(
    n_items: int, count: int, excluded: Sequence[Indexes], keys: Iterable[int], seed: int
) -> Indexes:
    """Call `sample_negatives` for each pair of `excluded` and `keys`.

    Returns
    -------
    int64 (n_rows, count)

    Raises
    ------
    ValueError
        See `sample_negatives`; also if there are not as many keys as lists of excluded items.
    """
    negatives = np.empty((len(excluded), count), np.int64)
    for row, (row_excluded, key) in enumerate(zip(excluded, keys, strict=True)):
        negatives[row] = sample_negatives(n_items, count, row_excluded, int(key), seed)
    return negatives


def _count_left(n_items: int, excluded: Indexes) -> int:
    """Count the items that are not excluded."""
    if not len(excluded):
        return n_items
    distinct = np.unique(excluded)
    if distinct[0] < 0 or distinct[-1] >= n_items:
        raise ValueError(
            f"excluded items {distinct[0]}..{distinct[-1]} are not all in 0..{n_items - 1}"
        )
    return n_items - len(distinct)


def _expected_draws(n_items: int, n_left: int, count: int) -> int:
    """Count the draws that usually give `count` distinct items out of `n_left`.

    The expectation is n_items * (1/n_left + ... + 1/(n_left - count + 1)); the sum is bounded by a
    logarithm (half an item short at the end, where it would be infinite).
    """
    if not count:
        return 1
    expected = n_items * log((n_left + 0.5) / (n_left - count + 0.5))
    return ceil(1.02 * expected) + 16


def _distinct_draws(n_items: int, excluded: Indexes, n_draws: int, key: int, seed: int) -> Indexes:
    """Return the first occurrences among `n_draws` draws, in their order, excluded items left out.

    Without sorting: every draw writes its position at its item, the last draw first, so that the
    position of the first draw remains. `first_position` is read only where it was written, which
    keeps the cost independent of `n_items`.
    """
    draws = _draw_items(n_items, n_draws, key, seed)
    positions = np.arange(n_draws)
    first_position = np.empty(n_items, np.int64)
    first_position[draws[::-1]] = positions[::-1]
    first_position[excluded] = -1
    distinct: Indexes = draws[first_position[draws] == positions]
    return distinct


def _draw_items(n_items: int, n_draws: int, key: int, seed: int) -> Indexes:
    """Draw uniform items with repeats: n_draws outputs of splitmix64 modulo n_items."""
    start = _mix(np.array([seed % 2**64], np.uint64)) + np.uint64(key % 2**64)
    counter = np.arange(1, n_draws + 1, dtype=np.uint64) * np.uint64(_STEP)
    # The bias of the remainder is n_items / 2^64.
    return (_mix(_mix(start) + counter) % np.uint64(n_items)).astype(np.int64)


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit words: the output function of splitmix64, a bijection."""
    for shift, factor in zip(_SHIFTS, _FACTORS, strict=False):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    mixed: NDArray[np.uint64] = bits ^ (bits >> np.uint64(_SHIFTS[-1]))
    return mixed
