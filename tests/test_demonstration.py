from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import sparse

from cdimf_spark.demonstration_data import DOMAINS, TASTES, DemonstrationSet, demonstration_split

Float64 = NDArray[np.float64]

K = 10


@pytest.fixture(scope="module")
def demonstration() -> DemonstrationSet:
    return demonstration_split()


def pairs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(frame["user_id"], frame["item_id"], strict=True))


def test_frames_have_the_promised_columns_and_size(demonstration: DemonstrationSet) -> None:
    assert tuple(demonstration.train) == tuple(demonstration.test) == DOMAINS
    for domain in DOMAINS:
        train, test = demonstration.train[domain], demonstration.test[domain]
        assert list(train.columns) == ["user_id", "item_id", "weight"]
        assert list(test.columns) == ["user_id", "item_id"]
        assert (train["weight"] == 1.0).all()
        assert 350 < train["item_id"].nunique() < 650
        assert len(test) > 500
        for frame in (train, test):
            for column in ("user_id", "item_id"):
                assert set(map(type, frame[column])) == {str}
            assert (frame.index == range(len(frame))).all()
    total = sum(len(frame) for frame in demonstration.train.values())
    assert 22_000 < total < 30_000


def test_users_overlap_in_every_way(demonstration: DemonstrationSet) -> None:
    visits = pd.concat(
        [frame.groupby("user_id").size() for frame in demonstration.train.values()],
        axis=1,
        keys=DOMAINS,
    )
    patterns = visits.notna().value_counts()
    assert len(patterns) == 7
    assert (patterns > 100).all()
    n_domains = visits.notna().sum(axis=1)
    assert (n_domains == 1).mean() > 0.5
    # A short history in one domain beside a long one in another.
    shared = visits[n_domains > 1]
    assert ((shared.min(axis=1) <= 2) & (shared.max(axis=1) >= 5)).mean() > 0.4


@pytest.mark.parametrize("seed", range(3))
def test_test_items_are_known_and_not_in_train(seed: int) -> None:
    demonstration = demonstration_split(seed)
    for domain in DOMAINS:
        train, test = demonstration.train[domain], demonstration.test[domain]
        assert not train.duplicated(["user_id", "item_id"]).any()
        assert not test.duplicated().any()
        assert not pairs(train) & pairs(test)
        assert set(test["item_id"]) <= set(train["item_id"])


def test_cold_users_are_known_elsewhere_and_others_have_one_item_held_out(
    demonstration: DemonstrationSet,
) -> None:
    trained = {d: set(frame["user_id"]) for d, frame in demonstration.train.items()}
    for domain in DOMAINS:
        test = demonstration.test[domain]
        cold = ~test["user_id"].isin(trained[domain])
        elsewhere = set().union(*(trained[other] for other in DOMAINS if other != domain))
        assert test["user_id"][cold].nunique() > 50
        assert set(test["user_id"][cold]) <= elsewhere
        assert not test["user_id"][~cold].duplicated().any()


def test_items_are_named_after_their_taste_and_users_follow_theirs(
    demonstration: DemonstrationSet,
) -> None:
    taste_of_user = demonstration.taste_of_user
    assert set(taste_of_user.values()) == set(TASTES)
    for frame in demonstration.train.values():
        taste = frame["item_id"].str.extract(r"\((.*)\)$")[0]
        assert set(taste) == set(TASTES)
        assert set(frame["user_id"]) <= set(taste_of_user)
        assert (taste == frame["user_id"].map(taste_of_user)).mean() > 0.6
    catalogues = [set(frame["item_id"]) for frame in demonstration.train.values()]
    assert sum(map(len, catalogues)) == len(set().union(*catalogues))


def test_popularity_has_a_head_and_a_tail(demonstration: DemonstrationSet) -> None:
    for frame in demonstration.train.values():
        counts = np.sort(frame.groupby("item_id").size())[::-1]
        assert counts[: len(counts) // 5].sum() > 0.4 * counts.sum()
        assert counts[0] > 5 * np.median(counts)


def test_the_seed_decides_everything(demonstration: DemonstrationSet) -> None:
    again, other = demonstration_split(0), demonstration_split(1)
    for domain in DOMAINS:
        pd.testing.assert_frame_equal(again.train[domain], demonstration.train[domain])
        pd.testing.assert_frame_equal(again.test[domain], demonstration.test[domain])
        assert pairs(other.train[domain]) != pairs(demonstration.train[domain])
    assert again.taste_of_user == demonstration.taste_of_user
    with pytest.raises(ValueError, match="non-negative"):
        demonstration_split(-1)


def test_known_rows_of_seed_0(demonstration: DemonstrationSet) -> None:
    """Figures quoted from this data hold only as long as numpy draws the same numbers."""
    first = demonstration.train["books"].iloc[1]
    assert first.tolist() == ["clara-0002", "The Burning Griffin (fantasy)", 1.0]
    lengths = {d: (len(demonstration.train[d]), len(demonstration.test[d])) for d in DOMAINS}
    assert lengths == {"books": (8664, 931), "films": (8768, 952), "games": (8565, 898)}


def train_ials(
    domains: Sequence[sparse.csr_array],
    rank: int = 24,
    n_iter: int = 6,
    reg: float = 2.0,
    ratio: float = 12.0,
) -> tuple[Float64, list[Float64]]:
    """Minimise the sum of the losses of the domains over common user factors, by dense algebra.

    `domains`: sparse (n_users, n_items) over the same users. Returns user factors (n_users, rank)
    and the item factors of each domain.
    """
    users = np.random.default_rng(0).normal(0, 0.1, (domains[0].shape[0], rank))
    ridge = reg * np.eye(rank)
    for _ in range(n_iter):
        lhs, rhs = np.zeros((len(users), rank, rank)), np.zeros((len(users), rank))
        item_factors = []
        for R in domains:
            present = np.diff(R.indptr) > 0
            a0 = ratio * R.nnz / (present.sum() * R.shape[1])
            counts = np.asarray(R.sum(axis=0)).ravel()
            item_ridge = np.sqrt(counts / counts.mean())[:, None, None] * ridge
            gram = users[present].T @ users[present]
            items = solve(a0 * gram + item_ridge + observed_gram(R.T.tocsr(), users), R.T @ users)
            lhs = lhs + present[:, None, None] * (a0 * items.T @ items + ridge)
            lhs = lhs + observed_gram(R, items)
            rhs = rhs + R @ items
            item_factors.append(items)
        # Users without interactions: any regular matrix, their right-hand side is 0.
        users = solve(lhs + 1e-9 * np.eye(rank), rhs)
    return users, item_factors


def observed_gram(R: sparse.csr_array, factors: Float64) -> Float64:
    outer = (factors[:, :, None] * factors[:, None, :]).reshape(len(factors), -1)
    grams: Float64 = (R @ outer).reshape(R.shape[0], factors.shape[1], factors.shape[1])
    return grams


def solve(lhs: Float64, rhs: Float64) -> Float64:
    return np.linalg.solve(lhs, rhs[:, :, None])[:, :, 0].astype(np.float64)


def hit_rates(scores: Float64, R: sparse.csr_array, test: NDArray[np.int64]) -> Float64:
    """Hits at K among all items that the user has neither in train nor in test."""
    hits = np.zeros(len(test))
    for n, (u, i) in enumerate(test):
        others = np.ones(R.shape[1], bool)
        others[R.indices[R.indptr[u] : R.indptr[u + 1]]] = False
        others[test[test[:, 0] == u, 1]] = False
        row = scores[u]
        hits[n] = 1 + (row[others] > row[i]).sum() + 0.5 * (row[others] == row[i]).sum() <= K
    return hits


def test_learning_across_domains_pays_and_popularity_does_not(
    demonstration: DemonstrationSet,
) -> None:
    users = pd.Index(sorted(demonstration.taste_of_user))
    domains, tests = [], []
    for domain in DOMAINS:
        train, test = demonstration.train[domain], demonstration.test[domain]
        items = pd.Index(sorted(set(train["item_id"])))
        cells = [
            (
                users.get_indexer(pd.Index(frame["user_id"])),
                items.get_indexer(pd.Index(frame["item_id"])),
            )
            for frame in (train, test)
        ]
        shape = (len(users), len(items))
        domains.append(sparse.csr_array((train["weight"], cells[0]), shape=shape))
        tests.append(np.column_stack(cells[1]))
    pooled_users, pooled_items = train_ials(domains)
    hits = []
    for R, held_out, item_factors in zip(domains, tests, pooled_items, strict=True):
        own_users, [own_items] = train_ials([R])
        popularity = np.tile(np.asarray(R.sum(axis=0)), (len(users), 1))
        models = (popularity, own_users @ own_items.T, pooled_users @ item_factors.T)
        cold = np.diff(R.indptr)[held_out[:, 0]] == 0
        by_row = np.array([hit_rates(scores, R, held_out) for scores in models])
        hits.append([by_row[:, ~cold].mean(axis=1), by_row[:, cold].mean(axis=1)])
    (popular, separate, pooled), (cold_popular, _, cold_pooled) = np.mean(hits, axis=0)
    assert separate > 1.5 * popular
    assert pooled > 1.15 * separate
    assert cold_pooled > 1.7 * cold_popular
