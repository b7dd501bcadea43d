"""What one item block says about the ranks of test items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.arrow_lists import Lists, read_lists
from cdimf_spark.distributed.scoring import (
    ItemBlock,
    KnownUsers,
    ScoreFunction,
    user_batches,
)
from cdimf_spark.distributed.user_rows import RANKED
from cdimf_spark.kernel.ranking import TopK, top_k
from cdimf_spark.kernel.scoring import block_scores
from cdimf_spark.schemas import DOMAIN

Indexes = NDArray[np.int64]
Matrix = NDArray[np.float32]

# 2^64 divided by the golden ratio: makes one key of two, in which their order counts.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Counts(NamedTuple):
    """Of each test: negatives of the block above the target and equal to it, and the best."""

    higher: Indexes
    equal: Indexes
    top: TopK


@dataclass(frozen=True)
class Tests:
    """Test rows of a part of the users that are to be ranked.

    Attributes
    ----------
    rows : int64 (n_tests,)
        Their numbers among all test rows of the part.
    user : int64 (n_tests,)
        Number of the user among the known users.
    keys, items : int64 (n_tests,)
        Key of the target, and its number in the catalogue.
    scores : float32 (n_tests,)
        Of the targets; -inf for a seen one.
    own : Lists
        Numbers of the test items of each known user that are in the catalogue.
    user_keys : int64 (n_tests,)
        Key of the user.
    """

    rows: Indexes
    user: Indexes
    keys: Indexes
    items: Indexes
    scores: Matrix
    own: Lists
    user_keys: Indexes

    __test__ = False  # not a test class

    @classmethod
    def of(cls, users: pa.Table, known: KnownUsers) -> Tests:
        """Tests of a table ``USER_ROW``."""
        keys, items, scores, states = (
            read_lists(users.column(f"test_{name}"))
            for name in ("keys", "items", "scores", "states")
        )
        rows = np.flatnonzero(states.values == RANKED)
        number = np.zeros(users.num_rows, np.int64)
        number[known.rows] = np.arange(len(known.rows))
        owners = keys.owners[rows]
        return cls(
            rows=rows,
            user=number[owners],
            keys=keys.values[rows],
            items=items.values[rows],
            scores=scores.values[rows],
            own=items.where(items.values >= 0).take(known.rows),
            user_keys=users.column("user_key").to_numpy()[owners],
        )

    def draw_keys(self) -> Indexes:
        """Key of the draw of each test, from its user and item."""
        user, item = self.user_keys.view(np.uint64), self.keys.view(np.uint64)
        return (user * _GOLDEN + item).view(np.int64)


def make_rank_step(
    k: int, starts: Mapping[str, Indexes], negatives: int | None, seed: int
) -> ScoreFunction:
    """Function of an item block and user rows to a row of counts for each of their tests.

    Parameters
    ----------
    starts
        See `Catalogue.block_starts`, by domain.
    negatives
        None: all items.
    """

    def step(block: ItemBlock, users: pa.Table) -> pa.Table:
        known = KnownUsers.of(block, users)
        tests = Tests.of(users, known)
        if not len(tests.rows):
            return _to_table(block, users, tests, [], k)
        first = starts[users.column(DOMAIN)[0].as_py()]
        start, n_items = int(first[block.number]), int(first[-1])
        if negatives is None:
            counts = _against_all(block, known, tests, start, k)
        else:
            draw = _Draw(n_items, negatives, seed, start)
            counts = _against_drawn(block, known, tests, draw, k)
        return _to_table(block, users, tests, list(counts), k)

    return step


def _against_all(
    block: ItemBlock, known: KnownUsers, tests: Tests, start: int, k: int
) -> Iterator[Counts]:
    """Rank against the whole block, a batch of users after the other (tests are by user)."""
    items = block.factors.astype(np.float64)
    n = len(items)
    for batch in user_batches(len(known.rows), n):
        scores = block_scores(known.factors[batch], items)
        rows = np.arange(batch.start, batch.start + len(scores))
        _check(scores)
        indptr, indices = known.seen_of(batch)
        scores[Lists(indptr, indices).owners, indices] = -np.inf
        best = top_k(_without(scores, tests.own.take(rows), start), k)
        wanted = (tests.user >= rows[0]) & (tests.user <= rows[-1])
        user = tests.user[wanted] - rows[0]
        # Several tests of one user see the same scores: one at a time, without a copy.
        excluded = tests.own.take(rows)
        higher, equal = _count_all(scores, user, tests.scores[wanted], excluded, start)
        yield Counts(higher, equal, TopK(best.items[user], best.scores[user]))
