"""The attack finds planted leaks, and nothing in noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from cdimf_spark.audit.activity import activity_told
from cdimf_spark.audit.intervals import ratio_of_sums
from cdimf_spark.audit.membership import Split, attack
from cdimf_spark.audit.pairs import MatchedPairs, matched_pairs, pair_auc

N_USERS, N_ITEMS = 600, 80
SPLIT = Split(np.arange(400), np.arange(400, N_USERS))


def some_histories(seed: int = 0) -> csr_array:
    """Items of falling popularity, six a user on the average."""
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(2, N_ITEMS + 2)
    return csr_array(rng.random((N_USERS, N_ITEMS)) < 6 * chances / chances.sum(), dtype=np.float32)


def test_rows_that_are_the_histories_tell_all() -> None:
    histories = some_histories()
    (found,) = attack({"all": histories.toarray()}, histories, SPLIT, 0)
    assert found["auc"] > 0.999
    assert found["tpr_at_0.001_fpr"] > 0.95


def test_linear_rows_tell_much_and_less_with_noise() -> None:
    """What the rows of a factorization are: sums of the factors of the user's items."""
    histories, rng = some_histories(), np.random.default_rng(1)
    rows = histories @ rng.standard_normal((N_ITEMS, 32))
    noise = rng.standard_normal(rows.shape) * 4 * rows.std()
    features = {"rows": rows.astype(np.float32), "noisy": (rows + noise).astype(np.float32)}
    plain, noisy = attack(features, histories, SPLIT, 0)
    assert plain["auc"] > 0.9
    assert plain["auc_low"] > noisy["auc_high"]
    assert noisy["auc_low"] > 0.5


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_popularity_tell_nothing(seed: int) -> None:
    """The strongest of three attacks is a little above one half; far less than a leak."""
    histories, rng = some_histories(seed), np.random.default_rng(seed + 10)
    features = {
        "noise": rng.standard_normal((N_USERS, 16)).astype(np.float32),
        "constant": np.ones((N_USERS, 4), np.float32),
    }
    for found in attack(features, histories, SPLIT, seed):
        assert found["auc"] < 0.55
        assert found["auc_low"] < 0.52


def test_the_same_seed_gives_the_same_numbers() -> None:
    histories, rows = some_histories(), np.random.default_rng(0).standard_normal((N_USERS, 8))
    first, second = (
        attack({"E": rows.astype(np.float32)}, histories, SPLIT, seed) for seed in (3, 3)
    )
    assert first == second


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_pairs_are_matched(seed: int) -> None:
    histories = some_histories(seed)
    popularity = np.bincount(histories[:400].indices, minlength=N_ITEMS).astype(np.int64)
    held_out = histories[400:]
    pairs = matched_pairs(held_out, popularity, np.random.default_rng(seed))
    dense = held_out.toarray() > 0
    assert dense[pairs.users, pairs.has].all()
    assert not dense[pairs.users, pairs.has_not].any()
    assert (popularity[pairs.has] > 0).all()
    assert (popularity[pairs.has_not] > 0).all()
    ratio = popularity[pairs.has] / popularity[pairs.has_not]
    assert ratio.max() <= 1.1 + 1e-9
    assert ratio.min() >= 1 / 1.1 - 1e-9
    paired = [
        any(0 < one <= popularity[item] * 1.1 and one >= popularity[item] / 1.1 for one in others)
        for item in held_out.indices
        for others in [np.delete(popularity, item)]
    ]
    assert pairs.coverage == pytest.approx(np.mean(paired))


def test_auc_is_the_share_of_pairs_that_are_won() -> None:
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 4, (6, 9)).astype(np.float32)
    users, has, has_not = rng.integers(0, 6, 50), rng.integers(0, 9, 50), rng.integers(0, 9, 50)
    wins = 0.0
    for user, one, other in zip(users, has, has_not, strict=True):
        wins += 1.0 if scores[user, one] > scores[user, other] else 0.0
        wins += 0.5 if scores[user, one] == scores[user, other] else 0.0
    found = pair_auc(scores, MatchedPairs(users, has, has_not, 1.0))
    assert found.mean == pytest.approx(wins / 50)


def test_with_one_value_a_user_the_interval_is_that_of_a_mean() -> None:
    values = np.random.default_rng(0).random(200)
    found = ratio_of_sums(values, np.arange(200), 200)
    half = 1.959963984540054 * values.std(ddof=1) / np.sqrt(200)
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.mean == pytest.approx(half)
    assert np.isnan(ratio_of_sums(values[:0], np.zeros(0, np.int64), 3).mean)


def test_the_interval_covers_the_truth_where_users_differ() -> None:
    """Each user has a chance of their own; a binomial interval would be far too short."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        chances = rng.beta(1, 1, 60)
        users = np.repeat(np.arange(60), 30)
        found = ratio_of_sums((rng.random(1800) < chances[users]) * 1.0, users, 60)
        covered += found.low <= 0.5 <= found.high
    assert 0.91 < covered / 300 < 0.98


def test_lengths_tell_activity() -> None:
    counts = np.arange(1, 51)
    rows = np.outer(counts, np.ones(3)).astype(np.float32)
    flat = np.ones((50, 3), np.float32)
    found = activity_told({"long": rows, "unit": flat}, counts)
    assert [one["spearman"] for one in found] == [pytest.approx(1.0), 0.0]
