"""Held-out items to rank, and their ranks among all items.

The scores of a matrix product are in float64 and rounded: then a score is a function of its two
rows, and equal rows tie (see scoring). For ranks among drawn items see sampling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.scoring import block_scores, count_above, pair_scores, user_batches
from cdimf_spark.kernel.ranking.top_k import merge_columns, select_best

Indexes = NDArray[np.int64]
Matrix = NDArray[np.float32]


class Targets(NamedTuple):
    """Test rows to rank, in the order of their users.

    Attributes
    ----------
    user : int64 (n_tests,)
        Row of the user.
    items : int64 (n_tests,)
        Number of the target in the catalogue.
    draw_keys : uint64 (n_tests,)
        Key of the draw.
    in_train : bool (n_tests,)
        Whether the user has it in train: it then scores -inf.
    targets : float32 (n_tests, rank)
        Its factors.
    """

    user: Indexes
    items: Indexes
    draw_keys: NDArray[np.uint64]
    in_train: NDArray[np.bool_]
    targets: Matrix


class Rows(NamedTuple):
    """Factor rows of the users, and by user the items to leave out (CSR).

    Attributes
    ----------
    factors : float32 (n_users, rank)
    own_indptr, own : int64 (n_users + 1,), int64 (n_own,)
        Numbers of the user's test items in the catalogue: never drawn.
    seen_indptr, seen : int64 (n_users + 1,), int64 (n_seen,)
        Rows of the catalogue's part that the user has in train, ascending: they score -inf.
    """

    factors: Matrix
    own_indptr: Indexes
    own: Indexes
    seen_indptr: Indexes
    seen: Indexes


class Ranked(NamedTuple):
    """Of each test: the negatives above the target and equal to it, and the best of the list.

    `higher`, `equal` int64 (n_tests,); `top` int64 (n_tests, k) are rows of the catalogue's part,
    -1 where there are no more, of `scores` float32 (n_tests, k), -inf there.
    """

    higher: Indexes
    equal: Indexes
    top: Indexes
    scores: Matrix


def rank_among_all(
    rows: Rows, tests: Targets, items: Matrix, keys: Indexes, first: int, k: int
) -> Ranked:
    """Rank each target among all items of a part of the catalogue.

    The user's other test items do not take part. Parameters as in ``sampling.rank_among_drawn``.
    """
    n, n_users = len(keys), len(rows.factors)
    exact = items.astype(np.float64)
    targets = pair_scores(rows.factors[tests.user], tests.targets, np.float64)
    targets[tests.in_train] = -np.inf
    parts = [_nothing(k)]
    for batch in user_batches(n_users, n):
        users = slice(batch.start, min(batch.stop, n_users))
        scores = block_scores(rows.factors[users], exact)
        _set(scores, rows.seen_indptr, rows.seen, users, -np.inf)
        _set(scores, rows.own_indptr, rows.own - first, users, np.nan)
        mine = slice(*np.searchsorted(tests.user, (users.start, users.stop)))
        parts.extend(_count(keys, scores, tests.user[mine] - users.start, targets[mine], k))
    found = Ranked(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    return _with_targets(found, keys, tests.items - first, targets)


def _nothing(k: int) -> Ranked:
    none = np.zeros(0, np.int64)
    return Ranked(none, none, np.zeros((0, k), np.int64), np.zeros((0, k), np.float32))


def _set(scores: Matrix, indptr: Indexes, items: Indexes, users: slice, value: float) -> None:
    """Set the scores of some users for the items of their lists that are in the part."""
    pointers = indptr[users.start : users.stop + 1]
    columns = items[pointers[0] : pointers[-1]]
    owners = np.repeat(np.arange(len(scores)), np.diff(pointers))
    inside = (columns >= 0) & (columns < scores.shape[1])
    scores[owners[inside], columns[inside]] = value


def _count(
    keys: Indexes, scores: Matrix, user: Indexes, targets: Matrix, k: int
) -> Iterator[Ranked]:
    """Counts of some tests, and the lists of their users."""
    best = select_best(scores, k, keys)
    for part in user_batches(len(user), scores.shape[1]):
        higher, equal = count_above(scores[user[part]], targets[part])
        yield Ranked(higher, equal, best.items[user[part]], best.scores[user[part]])


def _with_targets(found: Ranked, keys: Indexes, row: Indexes, scores: Matrix) -> Ranked:
    """The same with each target in its list, if it belongs there."""
    k, inside = found.top.shape[1], (row >= 0) & (row < len(keys))
    rows = np.column_stack([found.top, np.where(inside, row, -1)])
    all_scores = np.column_stack([found.scores, np.where(inside, scores, np.float32(-np.inf))])
    columns = merge_columns(np.append(keys, 0)[rows], all_scores, k)
    rows, best = (np.take_along_axis(array, columns, axis=1) for array in (rows, all_scores))
    return found._replace(top=np.where(best > -np.inf, rows, -1), scores=best)
