"""Ranks of held-out items against a plain loop over all of them."""

import numpy as np
import pytest

from cdimf_spark.kernel.ranking.held_out import Ranked, Rows, Targets, rank_among_all
from cdimf_spark.kernel.ranking.sampling import rank_among_drawn, sample_negatives

N_USERS, N_ITEMS, N_TESTS, K = 7, 60, 40, 5


class Case:
    """Small whole factors, so that many scores tie."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.users, self.items = (
            rng.integers(-2, 3, (n, 3)).astype(np.float32) for n in (N_USERS, N_ITEMS)
        )
        self.keys = rng.permutation(N_ITEMS) - 30
        self.user = np.sort(rng.integers(N_USERS, size=N_TESTS))
        # Some test items are not in the catalogue; those are never ranked.
        self.item = rng.integers(-1, N_ITEMS, N_TESTS)
        self.seen = [
            np.sort(rng.choice(N_ITEMS, rng.integers(9), replace=False)) for _ in range(N_USERS)
        ]
        self.ranked = np.flatnonzero(self.item >= 0)

    def rows(self, first: int, last: int) -> Rows:
        own = np.bincount(self.user, minlength=N_USERS)
        seen = [s[(s >= first) & (s < last)] - first for s in self.seen]
        pointers = [np.append(0, np.cumsum(counts)) for counts in (own, [len(s) for s in seen])]
        return Rows(self.users, pointers[0], self.item, pointers[1], np.concatenate(seen))

    def targets(self) -> Targets:
        user, item = self.user[self.ranked], self.item[self.ranked]
        in_train = np.array([i in self.seen[u] for u, i in zip(user, item, strict=True)])
        keys = np.arange(len(user)).astype(np.uint64)
        return Targets(user, item, keys, in_train, self.items[item])

    def expected(self, test: int, negatives: int | None) -> tuple[int, int, list[int]]:
        """Higher, equal, and the best of the list."""
        user, item = self.user[self.ranked[test]], self.item[self.ranked[test]]
        own = self.item[(self.user == user) & (self.item >= 0)]
        others = [i for i in range(N_ITEMS) if i not in own]
        if negatives is not None:
            others = sample_negatives(N_ITEMS, negatives, own, test, 9).tolist()
        scores = {
            i: -np.inf if i in self.seen[user] else float(self.users[user] @ self.items[i])
            for i in (*others, item)
        }
        best = sorted((-s, self.keys[i], i) for i, s in scores.items() if s > -np.inf)[:K]
        return (
            sum(scores[i] > scores[item] for i in others),
            sum(scores[i] == scores[item] for i in others),
            [i for _, _, i in best],
        )

    def rank(self, first: int, last: int, negatives: int | None) -> Ranked:
        part = (self.rows(first, last), self.targets(), self.items[first:last])
        if negatives is None:
            return rank_among_all(*part, self.keys[first:last], first, K)
        keys = self.keys[first:last]
        return rank_among_drawn(*part, keys, first, N_ITEMS, negatives, 9, K)


@pytest.mark.parametrize("negatives", [None, 1, 20])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ranks_equal_a_plain_loop(seed: int, negatives: int | None) -> None:
    case = Case(seed)
    found = case.rank(0, N_ITEMS, negatives)
    assert len(found.higher) == len(case.ranked)
    for test in range(len(case.ranked)):
        higher, equal, best = case.expected(test, negatives)
        assert (found.higher[test], found.equal[test]) == (higher, equal)
        assert [i for i in found.top[test] if i >= 0] == best
    assert ((found.top < 0) == np.isneginf(found.scores)).all()


@pytest.mark.parametrize("negatives", [None, 20])
def test_parts_of_the_catalogue_add_up(negatives: int | None) -> None:
    case = Case(3)
    bounds = ((0, 9), (9, 9), (9, N_ITEMS))
    parts = [case.rank(first, last, negatives) for first, last in bounds]
    whole = case.rank(0, N_ITEMS, negatives)
    for kind in ("higher", "equal"):
        np.testing.assert_array_equal(
            sum(getattr(part, kind) for part in parts), getattr(whole, kind)
        )
    tops = [
        part.top + first * (part.top >= 0) for part, first in zip(parts, (0, 9, 9), strict=True)
    ]
    for test, best in enumerate(whole.top):
        assert set(best[best >= 0]) <= {i for top in tops for i in top[test]}


def test_equal_rows_tie_to_the_bit() -> None:
    """A target among copies of itself has half of them above it."""
    rng = np.random.default_rng(5)
    row = rng.standard_normal(67).astype(np.float32)
    items = np.tile(row, (50, 1))
    users = rng.standard_normal((1, 67)).astype(np.float32)
    none = np.empty(0, np.int64)
    rows = Rows(users, np.array([0, 1]), np.array([4]), np.array([0, 0]), none)
    tests = Targets(
        np.array([0]), np.array([4]), np.zeros(1, np.uint64), np.zeros(1, bool), items[4:5].copy()
    )
    keys = np.arange(50)
    for found in (
        rank_among_drawn(rows, tests, items, keys, 0, 50, 49, 0, 3),
        rank_among_all(rows, tests, items, keys, 0, 3),
    ):
        assert (found.higher[0], found.equal[0]) == (0, 49)
        assert found.top[0].tolist() == [0, 1, 2]
