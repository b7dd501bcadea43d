"""Seeded negative items for an evaluation, and the rank of a target among them.

The negatives of a test row are the first `count` distinct, not excluded values of a stream of
uniform item indexes. The stream is a function of (seed, key) alone, so a row gets the same
negatives in any process, in any order, beside any other rows, with any version of numpy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.compilation import compiled, inlined, plain_array
from cdimf_spark.kernel.ranking.held_out import Ranked, Rows, Targets

# Of another module, but it only compares and moves: no sum that another copy could round otherwise.
from cdimf_spark.kernel.ranking.top_k import enter

Indexes = NDArray[np.int64]
Matrix = NDArray[np.float32]

# Constants of the generator splitmix64 (Steele, Lea and Flood 2014), all of them 64-bit words: a
# compiled sum of one and a signed number would be a float.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1, _FACTOR_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
_ONE = np.uint64(1)


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
    excluded = plain_array(np.asarray(excluded), np.int64)
    n_left = _count_left(n_items, excluded)
    if not 0 <= count <= n_left:
        raise ValueError(f"cannot draw {count} items: {n_items} items, {n_left} not excluded")
    drawn = np.empty(count, np.int64)
    table = _new_set(count + len(excluded))
    _draw_once(n_items, excluded, np.uint64(key % 2**64), np.uint64(seed % 2**64), drawn, table)
    return drawn


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


def rank_among_drawn(
    rows: Rows,
    tests: Targets,
    items: Matrix,
    keys: Indexes,
    first: int,
    n_items: int,
    negatives: int,
    seed: int,
    k: int,
) -> Ranked:
    """Rank each target among its drawn negatives, or those of them in a part of the catalogue.

    Every score is a float32 dot product of one compiled loop, so equal rows tie to the bit.

    Parameters
    ----------
    items, keys : float32 (n, rank), int64 (n,)
        The part: rows `first` to `first` + n - 1 of a catalogue of `n_items`.
    negatives, seed
        How many to draw, and the seed. The caller has made sure that there are as many.
    k
        Length of the list of the best. Among equal scores the smaller key comes first.
    """
    n, drawn = len(tests.user), np.empty(negatives, np.int64)
    ranked = Ranked(
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.full((n, k), -1, np.int64),
        np.full((n, k), -np.inf, np.float32),
    )
    longest = int(np.diff(rows.own_indptr).max(initial=0))
    part = (plain_array(items, np.float32), plain_array(keys, np.int64))
    scratch = (drawn, _new_set(negatives + longest))
    _rank(rows, tests, part, scratch, np.int64(first), n_items, np.uint64(seed % 2**64), ranked)
    return ranked


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


def _new_set(capacity: int) -> Indexes:
    """Hash set for non-negative numbers, at most half full; its length is a power of two."""
    return np.empty(1 << max(4, (2 * capacity).bit_length()), np.int64)


@inlined
def _mix(bits: Any) -> Any:
    """Scramble a 64-bit word: the output function of splitmix64, a bijection."""
    bits = (bits ^ (bits >> _SHIFT_1)) * _FACTOR_1
    bits = (bits ^ (bits >> _SHIFT_2)) * _FACTOR_2
    return bits ^ (bits >> _SHIFT_3)


@inlined
def _add(table: Indexes, value: Any) -> Any:
    """Put a number into a set; False if it is there already."""
    last = np.uint64(len(table)) - _ONE
    place = _mix(np.uint64(value)) & last
    while table[place] >= 0 and table[place] != value:
        place = (place + _ONE) & last
    new = table[place] < 0
    table[place] = value
    return new


@inlined
def _draw(
    n_items: int, excluded: Indexes, key: Any, seed: Any, drawn: Indexes, table: Indexes
) -> None:
    """Fill `drawn` with the first distinct items of the stream; the remainder's bias is 2^-64 n."""
    table[:] = -1
    for item in excluded:
        if item >= 0:
            _add(table, item)
    state, n = _mix(_mix(seed) + key), 0
    while n < len(drawn):
        state = state + _STEP
        item = np.int64(_mix(state) % np.uint64(n_items))
        if _add(table, item):
            drawn[n] = item
            n += 1


@compiled
def _draw_once(
    n_items: int, excluded: Indexes, key: Any, seed: Any, drawn: Indexes, table: Indexes
) -> None:
    _draw(n_items, excluded, key, seed, drawn, table)


@inlined
def _is_in(values: Indexes, wanted: Any) -> Any:
    """Tell whether ascending values have one."""
    place = np.searchsorted(values, wanted)
    return place < len(values) and values[place] == wanted


@compiled
def _rank(
    rows: Rows,
    tests: Targets,
    part: tuple[Matrix, Indexes],
    scratch: tuple[Indexes, Indexes],
    first: Any,
    n_items: int,
    seed: Any,
    ranked: Ranked,
) -> None:
    items, keys = part
    drawn, table = scratch
    for t in range(len(tests.user)):
        u = tests.user[t]
        user, target = rows.factors[u], np.float32(0)
        own = rows.own[rows.own_indptr[u] : rows.own_indptr[u + 1]]
        seen = rows.seen[rows.seen_indptr[u] : rows.seen_indptr[u + 1]]
        _draw(n_items, own, tests.draw_keys[t], seed, drawn, table)
        # Number -1 is the target: its score must come from the same instructions as all others.
        for c in range(-1, len(drawn)):
            row = (tests.items[t] if c < 0 else drawn[c]) - first
            inside = 0 <= row < len(items)
            if c >= 0 and not inside:
                continue
            vector, score = tests.targets[t] if c < 0 else items[row], np.float32(0)
            for f in range(len(user)):
                score += user[f] * vector[f]
            if tests.in_train[t] if c < 0 else _is_in(seen, row):
                score = np.float32(-math.inf)
            if c < 0:
                target = score
            else:
                ranked.higher[t] += score > target
                ranked.equal[t] += score == target
            if inside and score > -math.inf:
                enter(ranked.top[t], ranked.scores[t], row, score, keys)
