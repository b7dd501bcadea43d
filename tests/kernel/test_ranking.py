import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cdimf_spark.kernel.ranking import TopK, merge_top_k, top_k


def naive_top_k(scores, k, seen, allowed, item_keys):
    """Sort all items of each user by (-score, key) in plain Python."""
    lists = []
    for u, row in enumerate(scores.tolist()):
        left_out = seen[1][seen[0][u] : seen[0][u + 1]]
        best = sorted(
            (-score, item_keys[i], i)
            for i, score in enumerate(row)
            if allowed[u][i] and i not in left_out and score > -np.inf
        )[:k]
        padding = [(-1, -np.inf)] * (k - len(best))
        lists.append([(i, -negated) for negated, _, i in best] + padding)
    return lists


def as_lists(top):
    return [
        list(zip(*row, strict=True))
        for row in zip(top.items.tolist(), top.scores.tolist(), strict=True)
    ]


@st.composite
def problems(draw):
    """Scores with many ties, seen items, allowed items, distinct keys of any sign."""
    n_users, n_items = draw(st.integers(0, 5)), draw(st.integers(0, 12))
    values = st.sampled_from([-np.inf, -2.0, -0.0, 0.0, 0.5, 1.0, 7.0])
    scores = draw(hnp.arrays(np.float32, (n_users, n_items), elements=values))
    seen_mask = draw(hnp.arrays(np.bool_, (n_users, n_items)))
    indptr = np.concatenate([[0], np.cumsum(seen_mask.sum(axis=1))]).astype(np.int64)
    seen = (indptr, np.nonzero(seen_mask)[1].astype(np.int64))
    allowed = draw(hnp.arrays(np.bool_, (n_users, n_items)) | hnp.arrays(np.bool_, n_items))
    keys = draw(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=n_items, max_size=n_items, unique=True)
    )
    return scores, seen, allowed, np.array(keys, np.int64)


@settings(max_examples=300)
@given(problems(), st.integers(1, 15))
def test_top_k_equals_the_naive_sort(problem, k):
    scores, seen, allowed, keys = problem
    before = scores.copy()
    top = top_k(scores, k, seen=seen, allowed=allowed, item_keys=keys)
    assert (top.items.dtype, top.scores.dtype) == (np.int64, np.float32)
    assert top.items.shape == top.scores.shape == (len(scores), k)
    mask = np.broadcast_to(allowed, scores.shape).tolist()
    assert as_lists(top) == naive_top_k(scores, k, seen, mask, keys.tolist())
    np.testing.assert_array_equal(scores, before)


@given(problems(), st.integers(1, 6))
def test_without_options_the_smaller_column_wins_ties(problem, k):
    scores = problem[0]
    n_users, n_items = scores.shape
    nothing_seen = (np.zeros(n_users + 1, np.int64), np.empty(0, np.int64))
    everything = np.ones(scores.shape, bool).tolist()
    expected = naive_top_k(scores, k, nothing_seen, everything, range(n_items))
    assert as_lists(top_k(scores, k)) == expected


@settings(max_examples=200)
@given(problems(), st.integers(1, 6), st.lists(st.integers(0, 12), max_size=3))
def test_merged_parts_equal_the_whole(problem, k, cuts):
    scores, _, allowed, keys = problem
    bounds = sorted({0, scores.shape[1], *(c for c in cuts if c < scores.shape[1])})
    parts = []
    for start, end in zip([0, *bounds], bounds, strict=False):
        top = top_k(
            scores[:, start:end],
            k,
            allowed=allowed[..., start:end],
            item_keys=keys[start:end],
        )
        parts.append(with_keys(top, keys[start:end]))
    whole = with_keys(top_k(scores, k, allowed=allowed, item_keys=keys), keys)
    assert as_lists(merge_top_k(parts, k)) == as_lists(whole)
    # Merging is associative: two at a time give the same.
    merged = parts[0]
    for part in parts[1:]:
        merged = merge_top_k([part, merged], k)
    assert as_lists(merged) == as_lists(whole)


def with_keys(top, keys):
    """Replace column indexes by keys (what a caller does with `item_keys[top.items]`)."""
    return TopK(np.where(top.scores == -np.inf, -1, np.append(keys, 0)[top.items]), top.scores)


@given(problems(), st.integers(1, 6), st.randoms())
def test_permuting_the_items_permutes_the_lists(problem, k, random):
    scores, _, allowed, keys = problem
    order = list(range(scores.shape[1]))
    random.shuffle(order)
    order = np.array(order, np.int64)
    top = top_k(scores, k, allowed=allowed, item_keys=keys)
    moved = top_k(scores[:, order], k, allowed=allowed[..., order], item_keys=keys[order])
    back = np.where(moved.items < 0, -1, np.append(order, 0)[moved.items])
    np.testing.assert_array_equal(back, top.items)
    np.testing.assert_array_equal(moved.scores, top.scores)


def test_large_random_scores_equal_a_full_sort():
    rng = np.random.default_rng(0)
    # Rounding makes ties at the boundary common.
    scores = rng.random((50, 3000)).round(3).astype(np.float32)
    top = top_k(scores, 20)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :20]
    np.testing.assert_array_equal(top.items, expected)
    np.testing.assert_array_equal(top.scores, np.take_along_axis(scores, expected, axis=1))


def test_all_items_tied():
    assert top_k(np.zeros((1, 6), np.float32), 3).items.tolist() == [[0, 1, 2]]
    keys = np.array([5, 4, 3, 2, 1, 0])
    assert top_k(np.zeros((1, 6), np.float32), 3, item_keys=keys).items.tolist() == [[5, 4, 3]]


def test_merge_tells_empty_places_by_score_and_not_by_key():
    part = TopK(np.array([[-1, -7]]), np.array([[0.5, -np.inf]], np.float32))
    merged = merge_top_k([part], 3)
    assert as_lists(merged) == [[(-1, 0.5), (-1, -np.inf), (-1, -np.inf)]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "at least 1, got 0"),
        ({"seen": (np.array([0, 1]), np.array([0]))}, "indptr of 1 users for scores of 2"),
        ({"seen": (np.array([0, 1, 2]), np.array([0]))}, "2 items announced, 1 given"),
        ({"allowed": np.ones(4, bool)}, r"shape \(4,\) given for scores \(2, 3\)"),
        ({"item_keys": np.arange(4)}, "4 item keys given for 3 items"),
        ({"scores": np.array([[1, np.nan, 2]], np.float32)}, "NaN"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change, message):
    arguments = {"scores": np.zeros((2, 3), np.float32), "k": 2, **change}
    with pytest.raises(ValueError, match=message):
        top_k(arguments.pop("scores"), arguments.pop("k"), **arguments)


def test_merging_nothing_is_refused():
    with pytest.raises(ValueError, match="cannot merge 0 lists"):
        merge_top_k([], 3)
