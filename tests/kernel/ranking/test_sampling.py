import subprocess
import sys
from collections.abc import Collection
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from cdimf_spark.kernel.ranking.sampling import sample_negatives, sample_negatives_batch

NONE = np.empty(0, np.int64)
WORD = 2**64


def naive_mix(word: int) -> int:
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
    return word ^ (word >> 31)


def naive_sample(
    n_items: int, count: int, excluded: Collection[int], key: int, seed: int
) -> list[int]:
    """The definition, one draw at a time in exact integers."""
    state = naive_mix((naive_mix(seed % WORD) + key) % WORD)
    negatives: list[int] = []
    while len(negatives) < count:
        state = (state + 0x9E3779B97F4A7C15) % WORD
        item = naive_mix(state) % n_items
        if item not in excluded and item not in negatives:
            negatives.append(item)
    return negatives


def test_the_naive_mix_is_splitmix64() -> None:
    # The first outputs of the published generator for seed 1234567.
    states = [1234567 + n * 0x9E3779B97F4A7C15 for n in (1, 2)]
    outputs = [naive_mix(state % WORD) for state in states]
    assert outputs == [6457827717110365317, 3203168211198807973]


@given(st.data(), st.integers(1, 40), st.integers(-(2**70), 2**70), st.integers(-9, 2**64))
def test_sample_equals_the_naive_loop(
    data: st.DataObject, n_items: int, key: int, seed: int
) -> None:
    excluded = data.draw(st.lists(st.integers(0, n_items - 1), max_size=2 * n_items))
    count = data.draw(st.integers(0, n_items - len(set(excluded))))
    negatives = sample_negatives(n_items, count, np.array(excluded, np.int64), key, seed)
    assert negatives.dtype == np.int64
    assert negatives.tolist() == naive_sample(n_items, count, excluded, key, seed)


def test_sample_of_a_large_catalogue_equals_the_naive_loop() -> None:
    excluded = np.array([5, 29_999, 5])
    negatives = sample_negatives(30_000, 999, excluded, key=7, seed=3)
    assert negatives.tolist() == naive_sample(30_000, 999, excluded.tolist(), 7, 3)


def test_the_same_in_another_process() -> None:
    code = (
        "import numpy as np; from cdimf_spark.kernel.ranking.sampling import sample_negatives as s;"
        "print(s(1000, 5, np.array([3]), 11, 42).tolist())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == str(sample_negatives(1000, 5, np.array([3]), 11, 42).tolist())


@given(st.integers(0, 50), st.integers(0, 50))
def test_a_shorter_sample_is_the_start_of_a_longer_one(first: int, second: int) -> None:
    short, long = sorted((first, second))
    negatives = sample_negatives(51, long, np.array([4]), 1, 2)
    np.testing.assert_array_equal(
        negatives[:short], sample_negatives(51, short, np.array([4]), 1, 2)
    )


def test_batch_is_one_call_per_row_in_any_order() -> None:
    keys = [9, 0, 2**63, 4]
    excluded = [np.arange(n) for n in range(4)]
    batch = sample_negatives_batch(100, 20, excluded, keys, seed=5)
    assert batch.shape == (4, 20)
    for row in (2, 0, 3, 1):
        alone = sample_negatives(100, 20, excluded[row], keys[row], 5)
        np.testing.assert_array_equal(batch[row], alone)
    with pytest.raises(ValueError, match="argument"):
        sample_negatives_batch(100, 20, excluded, keys[:2], seed=5)


@pytest.mark.parametrize("vary", ["key", "seed"])
@pytest.mark.parametrize("count", [1, 10, 38])
def test_every_item_is_equally_likely(vary: str, count: int) -> None:
    n_items, excluded, n_calls = 40, np.array([0, 17]), 4000
    drawn = np.zeros(n_items)
    for n in range(n_calls):
        arguments = {"key": 1, "seed": 1, vary: n}
        drawn[sample_negatives(n_items, count, excluded, **arguments)] += 1
    assert drawn[excluded].sum() == 0
    left = np.delete(drawn, excluded)
    if count == len(left):
        assert (left == n_calls).all()
    else:
        assert chisquare(left).pvalue > 1e-3


def test_every_pair_is_equally_likely() -> None:
    drawn = np.zeros((6, 6))
    for key in range(6000):
        drawn[tuple(sample_negatives(6, 2, NONE, key, seed=0))] += 1
    assert np.diag(drawn).sum() == 0
    assert chisquare(drawn[~np.eye(6, dtype=bool)]).pvalue > 1e-3


def test_rows_of_neighbouring_keys_are_independent() -> None:
    """Two samples of 100 out of 1000 share 10 items on average, variance 8.1."""
    samples = [set(sample_negatives(1000, 100, NONE, key, 0).tolist()) for key in range(500)]
    common = [len(a & b) for a, b in pairwise(samples)]
    assert abs(np.mean(common) - 10) < 4 * (8.1 / len(common)) ** 0.5


@pytest.mark.parametrize(
    ("n_items", "count", "excluded"), [(10, 10, [3]), (10, 11, []), (0, 1, []), (5, -1, [])]
)
def test_too_few_items_is_an_error_that_names_the_numbers(
    n_items: int, count: int, excluded: list[int]
) -> None:
    with pytest.raises(ValueError, match=f"cannot draw {count} items: {n_items} items"):
        sample_negatives(n_items, count, np.array(excluded, np.int64), 0, 0)


@pytest.mark.parametrize("excluded", [[-1], [2, 10]])
def test_excluded_items_outside_the_catalogue_are_refused(excluded: list[int]) -> None:
    with pytest.raises(ValueError, match=r"not all in 0\.\.9"):
        sample_negatives(10, 2, np.array(excluded), 0, 0)


@pytest.mark.parametrize("n_excluded", [0, 3000])
def test_nearly_the_whole_catalogue_can_be_drawn(n_excluded: int) -> None:
    negatives = sample_negatives(4000, 4000 - n_excluded, np.arange(n_excluded), 1, 1)
    np.testing.assert_array_equal(np.sort(negatives), np.arange(n_excluded, 4000))
