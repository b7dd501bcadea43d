"""What one item block says about the ranks of test items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.scoring.arrow_lists import Lists, read_lists
from cdimf_spark.distributed.scoring.held_out import RANKED
from cdimf_spark.distributed.scoring.item_block import (
    ItemBlock,
    KnownUsers,
    join_tops,
    name_users,
    user_batches,
)
from cdimf_spark.distributed.scoring.scoring import ScoreFunction
from cdimf_spark.kernel.ranking import TopK, top_k
from cdimf_spark.kernel.sampling import sample_negatives
from cdimf_spark.kernel.scoring import block_scores, count_above, find_sorted, pair_scores
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
            return _to_table(block, users, tests, _join([], k))
        first = starts[users.column(DOMAIN)[0].as_py()]
        start, n_items = int(first[block.number]), int(first[-1])
        if negatives is None:
            counts = _against_all(block, known, tests, start, k)
        else:
            draw = Draw(n_items, negatives, seed, start)
            counts = _against_drawn(block, known, tests, draw, k)
        return _to_table(block, users, tests, _join(counts, k))

    return step


def _against_all(
    block: ItemBlock, known: KnownUsers, tests: Tests, start: int, k: int
) -> Iterator[Counts]:
    """Rank against the whole block, one batch of users after the other."""
    items = block.factors.astype(np.float64)
    n = len(items)
    local = Lists(tests.own.offsets, tests.own.values - start)
    own = local.where((local.values >= 0) & (local.values < n))
    for batch in user_batches(len(known.rows), n):
        users = np.arange(len(known.rows))[batch]
        scores = block_scores(known.factors[users], items)
        for lists, value in ((known.seen, -np.inf), (own, np.nan)):
            taken = lists.take(users)
            scores[taken.owners, taken.values] = value
        best = _top(scores, k)
        # Tests are in the order of their users.
        first, last = np.searchsorted(tests.user, (users[0], users[-1] + 1))
        for part in user_batches(last - first, n):
            chosen = np.arange(first, last)[part]
            row = tests.user[chosen] - users[0]
            higher, equal = count_above(scores[row], tests.scores[chosen])
            yield Counts(higher, equal, TopK(best.items[row], best.scores[row]))


@dataclass(frozen=True)
class Draw:
    """How negatives are drawn: from how many items, how many, and where the block starts."""

    n_items: int
    negatives: int
    seed: int
    start: int


def _against_drawn(
    block: ItemBlock, known: KnownUsers, tests: Tests, draw: Draw, k: int
) -> Iterator[Counts]:
    """Rank against those of the drawn negatives that are in the block."""
    keys = tests.draw_keys()
    is_seen = np.zeros(len(block.keys), np.bool_)
    for batch in user_batches(len(tests.rows), draw.negatives):
        chosen = np.arange(len(tests.rows))[batch]
        positions = np.zeros((len(chosen), min(draw.negatives, len(block.keys))), np.int64)
        scores = np.full(positions.shape, np.nan, np.float32)
        for row, test in enumerate(chosen):
            user = tests.user[test]
            drawn = _draw_from_block(draw, len(block.keys), tests.own[user], int(keys[test]))
            found = pair_scores(known.factors[user], block.factors[drawn])
            is_seen[known.seen[user]] = True
            found[is_seen[drawn]] = -np.inf
            is_seen[known.seen[user]] = False
            positions[row, : len(drawn)], scores[row, : len(drawn)] = drawn, found
        best = _top(scores, k)
        items = np.where(best.items < 0, -1, _take(positions, best.items))
        higher, equal = count_above(scores, tests.scores[chosen])
        yield Counts(higher, equal, TopK(items, best.scores))


def _draw_from_block(draw: Draw, n: int, excluded: Indexes, key: int) -> Indexes:
    """Row numbers, ascending, of the drawn items that are in a block of n items."""
    drawn = sample_negatives(draw.n_items, draw.negatives, excluded, key, draw.seed) - draw.start
    return np.sort(drawn[(drawn >= 0) & (drawn < n)])


def _take(positions: Indexes, columns: Indexes) -> Indexes:
    if not positions.shape[1]:
        return columns
    taken: Indexes = np.take_along_axis(positions, np.maximum(columns, 0), axis=1)
    return taken


def _top(scores: Matrix, k: int) -> TopK:
    """Best columns; NaN, an item that does not take part, is none of them."""
    return top_k(np.where(np.isnan(scores), np.float32(-np.inf), scores), k)


def _join(counts: Iterable[Counts], k: int) -> Counts:
    """Counts of several batches one below the other."""
    parts = list(counts)
    none = np.zeros(0, np.int64)
    return Counts(
        np.concatenate([none, *(part.higher for part in parts)]),
        np.concatenate([none, *(part.equal for part in parts)]),
        join_tops([part.top for part in parts], k),
    )


def _to_table(block: ItemBlock, users: pa.Table, tests: Tests, counts: Counts) -> pa.Table:
    """A row for every test, also for those that are not ranked."""
    states = read_lists(users.column("test_states"))
    owners = states.owners
    higher, equal = np.zeros((2, len(owners)), np.int64)
    higher[tests.rows], equal[tests.rows] = counts.higher, counts.equal
    in_train = np.zeros(len(owners), np.bool_)
    in_train[tests.rows] = tests.scores == -np.inf
    return pa.table(
        {
            **name_users(users, owners),
            "test": (np.arange(len(owners)) - states.offsets[owners]).astype(np.int32),
            "state": states.values.astype(np.int32),
            "in_train": in_train,
            "higher": higher,
            "equal": equal,
            "best": block.best(_with_targets(block, tests, counts.top, len(owners)), named=False),
        }
    )


def _with_targets(block: ItemBlock, tests: Tests, top: TopK, n_rows: int) -> TopK:
    """Lists of all test rows, the target added at the end where it is in the block."""
    k = top.items.shape[1]
    items = np.full((n_rows, k + 1), -1, np.int64)
    scores = np.full((n_rows, k + 1), -np.inf, np.float32)
    items[tests.rows, :k], scores[tests.rows, :k] = top
    position, found = find_sorted(block.keys, tests.keys)
    items[tests.rows[found], k] = position[found]
    scores[tests.rows[found], k] = tests.scores[found]
    return TopK(items, scores)
