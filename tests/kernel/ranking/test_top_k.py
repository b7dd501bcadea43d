from collections.abc import Sequence
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.top_k import TopK, merge_columns, select_best

Scores = NDArray[np.float32]
Indexes = NDArray[np.int64]
Problem = tuple[Scores, Indexes]
Lists = list[list[tuple[int, float]]]


def naive_lists(scores: Scores, k: int, item_keys: list[int]) -> Lists:
    """Sort all items of each user by (-score, key) in plain Python."""
    lists = []
    for row in scores.tolist():
        best = sorted(
            (-score, key, i)
            for i, (score, key) in enumerate(zip(row, item_keys, strict=True))
            if score > -np.inf
        )[:k]
        padding = [(-1, -np.inf)] * (k - len(best))
        lists.append([(i, -negated) for negated, _, i in best] + padding)
    return lists


def as_lists(top: TopK) -> Lists:
    return [
        list(zip(*row, strict=True))
        for row in zip(top.items.tolist(), top.scores.tolist(), strict=True)
    ]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Scores with many ties and holes, distinct keys of any sign."""
    n_users, n_items = draw(st.integers(0, 5)), draw(st.integers(0, 12))
    values = st.sampled_from([np.nan, -np.inf, -2.0, -0.0, 0.0, 0.5, 1.0, 7.0])
    scores = draw(hnp.arrays(np.float32, (n_users, n_items), elements=values))
    keys = draw(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=n_items, max_size=n_items, unique=True)
    )
    return scores, np.array(keys, np.int64)


@settings(max_examples=300)
@given(problems(), st.integers(1, 15))
def test_selection_equals_the_naive_sort(problem: Problem, k: int) -> None:
    scores, keys = problem
    before = scores.copy()
    top = select_best(scores, k, keys)
    assert top.items.dtype == np.int64
    assert top.scores.dtype == np.float32
    assert top.items.shape == top.scores.shape == (len(scores), k)
    assert as_lists(top) == naive_lists(scores, k, keys.tolist())
    np.testing.assert_array_equal(scores, before)


def with_keys(top: TopK, keys: Indexes) -> TopK:
    """Keys in place of column indexes; -1 in empty places."""
    return TopK(np.where(top.items < 0, -1, np.append(keys, 0)[top.items]), top.scores)


def merged(parts: Sequence[TopK], k: int) -> TopK:
    """What callers of `merge_columns` do: lists over parts of a catalogue side by side."""
    keys = np.concatenate([part.items for part in parts], axis=1)
    scores = np.concatenate([part.scores for part in parts], axis=1)
    columns = merge_columns(keys, scores, k)
    return TopK(
        np.take_along_axis(keys, columns, axis=1), np.take_along_axis(scores, columns, axis=1)
    )


@settings(max_examples=200)
@given(problems(), st.integers(1, 6), st.lists(st.integers(0, 12), max_size=3))
def test_merged_parts_equal_the_whole(problem: Problem, k: int, cuts: list[int]) -> None:
    scores, keys = problem
    bounds = sorted({0, scores.shape[1], *(c for c in cuts if c < scores.shape[1])})
    parts = [
        with_keys(select_best(scores[:, start:end], k, keys[start:end]), keys[start:end])
        for start, end in zip([0, *bounds], bounds, strict=False)
    ]
    whole = with_keys(select_best(scores, k, keys), keys)
    assert as_lists(merged(parts, k)) == as_lists(whole)
    # Merging is associative: two at a time give the same.
    together = parts[0]
    for part in parts[1:]:
        together = merged([part, together], k)
    assert as_lists(together) == as_lists(whole)


@given(problems(), st.integers(1, 6), st.randoms())
def test_permuting_the_items_permutes_the_lists(problem: Problem, k: int, random: Random) -> None:
    scores, keys = problem
    shuffled = list(range(scores.shape[1]))
    random.shuffle(shuffled)
    order = np.array(shuffled, np.int64)
    top = select_best(scores, k, keys)
    moved = select_best(scores[:, order], k, keys[order])
    back = np.where(moved.items < 0, -1, np.append(order, 0)[moved.items])
    np.testing.assert_array_equal(back, top.items)
    np.testing.assert_array_equal(moved.scores, top.scores)


def test_large_random_scores_equal_a_full_sort() -> None:
    rng = np.random.default_rng(0)
    # Rounding makes ties at the boundary common.
    scores = rng.random((50, 3000)).round(3).astype(np.float32)
    top = select_best(scores, 20, np.arange(3000))
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :20]
    np.testing.assert_array_equal(top.items, expected)
    np.testing.assert_array_equal(top.scores, np.take_along_axis(scores, expected, axis=1))


def test_all_items_tied() -> None:
    tied = np.zeros((1, 6), np.float32)
    assert select_best(tied, 3, np.arange(6)).items.tolist() == [[0, 1, 2]]
    assert select_best(tied, 3, np.array([5, 4, 3, 2, 1, 0])).items.tolist() == [[5, 4, 3]]


def test_a_merge_ranks_an_item_whose_key_looks_like_an_empty_place() -> None:
    part = TopK(np.array([[-1, -7]]), np.array([[0.5, -np.inf]], np.float32))
    assert as_lists(merged([part], 1)) == [[(-1, 0.5)]]
