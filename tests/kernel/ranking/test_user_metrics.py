"""Metrics of users with several held-out items, against hand cases and a plain list."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.kernel.ranking.user_metrics import (
    AT_K,
    from_halves,
    square_halves,
    to_halves,
    user_metrics,
    variance,
)

WIDTH = len(AT_K)


def metrics_of(ranks: list[float], k: int) -> dict[str, float]:
    values = user_metrics(np.zeros(len(ranks), np.int64), np.array(ranks), [k])[0]
    return dict(zip(("mrr", *AT_K), values.tolist(), strict=True))


def test_one_held_out_item() -> None:
    found = metrics_of([4.0], 5)
    expected = {"mrr": 1 / 4, "hr": 1, "ndcg": 1 / np.log2(5), "map": 1 / 4, "precision": 1 / 5}
    assert found == pytest.approx({**expected, "recall": 1.0})
    assert metrics_of([6.0], 5) == pytest.approx({**dict.fromkeys(found, 0), "mrr": 1 / 6})


def test_several_held_out_items_make_one_list() -> None:
    # Ranks 1, 1 and 3 among the others: the list is A B x x C.
    assert metrics_of([1.0, 1.0, 3.0], 5)["map"] == pytest.approx((1 + 1 + 3 / 5) / 3)
    assert metrics_of([1.0, 1.0, 3.0], 4)["recall"] == pytest.approx(2 / 3)
    assert metrics_of([1.0, 1.0, 3.0], 4)["hr"] == 1
    # Two of three fill a list of two: nothing could be better.
    assert metrics_of([1.0, 1.0, 9.0], 2)["map"] == 1
    assert metrics_of([1.0, 1.0, 9.0], 2)["precision"] == 1


@given(st.lists(st.integers(0, 12), min_size=1, max_size=8), st.integers(1, 9))
def test_equals_a_walk_along_the_list(others_before: list[int], k: int) -> None:
    """Held-out items put into the list of the others, each behind so many of them."""
    before = sorted(others_before)
    is_held_out = []
    for n_before in range(13):
        is_held_out += [True] * before.count(n_before) + [False]
    hits, gain = 0, 0.0
    for position, relevant in enumerate(is_held_out[:k], start=1):
        hits += relevant
        gain += relevant * hits / position
    found = metrics_of([1.0 + n for n in before], k)
    assert found["precision"] == pytest.approx(hits / k)
    assert found["recall"] == pytest.approx(hits / len(before))
    assert found["map"] == pytest.approx(gain / min(k, len(before)))


@given(st.data())
def test_users_do_not_meet_and_values_are_shares(data: st.DataObject) -> None:
    lists = data.draw(st.lists(st.lists(st.integers(2, 40), min_size=1, max_size=5), min_size=1))
    ranks = [np.sort(np.array(one)) / 2 for one in lists]
    user = np.repeat(np.arange(len(ranks)), [len(one) for one in ranks])
    found = user_metrics(user, np.concatenate(ranks), [3, 10])
    assert found.shape == (len(ranks), 1 + 2 * WIDTH)
    assert ((found >= 0) & (found <= 1)).all()
    for row, one in zip(found, ranks, strict=True):
        alone = user_metrics(np.zeros(len(one), np.int64), one, [3, 10])[0]
        np.testing.assert_array_equal(row, alone)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_sums_of_halves_are_exact(values: list[float]) -> None:
    high, low = to_halves(np.array(values))
    total = from_halves(high.sum(), low.sum())
    exact = sum(Fraction(round(Fraction(value) * 2**60), 2**60) for value in values)
    assert total == exact
    assert (low >= 0).all()


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=50))
def test_variance(values: list[float]) -> None:
    high, _ = to_halves(np.array(values))
    square_high, square_low = (half.sum() for half in square_halves(high))
    found = float(variance(len(values), high.sum(), square_high, square_low))
    assert found == pytest.approx(np.var(values, ddof=1), abs=1e-8)
    # No noise where there is no spread: the square root would make it large.
    if len(set(values)) == 1:
        assert found == 0
