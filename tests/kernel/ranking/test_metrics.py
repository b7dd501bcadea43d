from collections.abc import Callable, Iterable
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.metrics import hit_rate, ndcg, rank_of_target, reciprocal_rank

Ranks = NDArray[np.float64]
Metric = Callable[[Ranks, int], Ranks]


def naive_rank(target: float, negatives: Iterable[float], seen: Iterable[bool]) -> float:
    rank = 1.0
    for score, is_seen in zip(negatives, seen, strict=True):
        if is_seen:
            continue
        if score > target:
            rank += 1
        elif score == target:
            rank += 0.5
    return rank


def few_values(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[np.float32]]:
    """Scores with many ties."""
    return hnp.arrays(np.float32, shape, elements=st.sampled_from([-1.5, 0.0, 0.25, 2.0]))


@given(st.data(), st.integers(0, 6), st.integers(0, 9))
def test_rank_equals_the_naive_loop(data: st.DataObject, n_rows: int, n_negatives: int) -> None:
    targets = data.draw(few_values((n_rows,)))
    negatives = data.draw(few_values((n_rows, n_negatives)))
    seen = data.draw(hnp.arrays(np.bool_, (n_rows, n_negatives)))
    expected = [naive_rank(*row) for row in zip(targets, negatives, seen, strict=True)]
    np.testing.assert_array_equal(rank_of_target(targets, negatives, seen), expected)
    no_seen = rank_of_target(targets, negatives)
    np.testing.assert_array_equal(no_seen, rank_of_target(targets, negatives, seen & False))


def test_constant_scores_get_the_middle_rank() -> None:
    ranks = rank_of_target(np.zeros(2, np.float32), np.zeros((2, 999), np.float32))
    np.testing.assert_array_equal(ranks, [500.5, 500.5])


def test_a_seen_negative_never_beats_the_target() -> None:
    target = np.array([-np.inf], np.float32)
    negatives = np.array([[5.0, -np.inf]], np.float32)
    assert rank_of_target(target, negatives, np.array([[True, True]]))[0] == 1.0
    assert rank_of_target(target, negatives, np.array([[True, False]]))[0] == 1.5


@pytest.mark.parametrize("nan_in", ["target", "negatives"])
def test_nan_is_refused_and_not_ranked_first(nan_in: str) -> None:
    target = np.array([np.nan if nan_in == "target" else 1.0], np.float32)
    negatives = np.array([[np.nan if nan_in == "negatives" else 2.0]], np.float32)
    with pytest.raises(ValueError, match="NaN"):
        rank_of_target(target, negatives)


@pytest.mark.parametrize(("n_targets", "negatives"), [(3, (2, 5)), (3, (3,)), (3, (3, 1, 2))])
def test_shapes_that_do_not_fit_are_refused(n_targets: int, negatives: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        rank_of_target(np.zeros(n_targets), np.zeros(negatives))


def test_metrics_of_known_ranks() -> None:
    ranks = np.array([1.0, 2.0, 9.5, 10.0, 10.5, 11.0, 500.5])
    np.testing.assert_array_equal(hit_rate(ranks, 10), [1, 1, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(
        ndcg(ranks, 10), [1, 1 / log2(3), 1 / log2(10.5), 1 / log2(11), 0, 0, 0], rtol=1e-15
    )
    np.testing.assert_allclose(reciprocal_rank(ranks), [1 / r for r in ranks], rtol=1e-15)


@pytest.mark.parametrize("metric", [hit_rate, ndcg])
def test_no_rows_give_no_values(metric: Metric) -> None:
    assert metric(np.empty(0), 10).shape == (0,)


@given(hnp.arrays(np.int64, 8, elements=st.integers(2, 60)), st.integers(1, 30))
def test_metrics_are_bounded_and_grow_with_k(twice_rank: NDArray[np.int64], k: int) -> None:
    ranks = twice_rank / 2
    for metric in (hit_rate, ndcg):
        assert (metric(ranks, k) >= 0).all()
        assert (metric(ranks, k) <= metric(ranks, k + 1)).all()
        assert (metric(ranks, k + 1) <= 1).all()
    assert (ndcg(ranks, k) <= hit_rate(ranks, k)).all()
    assert (reciprocal_rank(ranks) <= ndcg(ranks, 30)).all()
