import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from cdimf_spark.kernel.initialization import domain_item_keys, id_keys, initial_factors

# SELECT xxhash64(id) in Spark 4.1.4.
SPARK_XXHASH64 = {
    "": -7444071767201028348,
    "a": -8582455328737087284,
    "1": -928762887014768240,
    "42": -4744849287861989057,
    "user_7": 8393824040334513962,
    "zażółć": -2067507398647225486,
    "日本語": -619341062884681239,
    "🎿": -1834248006047748541,
    "0123456789abcdef": 152989496093262263,
    "0123456789abcdef0123456789abcdef!": -6050938822716990609,
    " lead": 7959945056498544315,
}


def test_id_keys_equal_spark_xxhash64() -> None:
    keys = id_keys(list(SPARK_XXHASH64))
    assert keys.dtype == np.int64
    assert keys.tolist() == list(SPARK_XXHASH64.values())


def test_id_keys_of_nothing_is_empty() -> None:
    assert id_keys([]).shape == (0,)


def test_id_keys_refuses_integers() -> None:
    with pytest.raises(TypeError, match="int 7"):
        id_keys([7])  # type: ignore[list-item]


def test_item_keys_differ_between_domains_and_from_users() -> None:
    users = id_keys([str(i) for i in range(1000)])
    both = [users, domain_item_keys("sport", users), domain_item_keys("cloth", users)]
    assert len(np.unique(np.concatenate(both))) == 3000
    np.testing.assert_array_equal(both[1], domain_item_keys("sport", users))


def test_row_depends_on_its_key_only() -> None:
    keys = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 5000)
    factors = initial_factors(keys, 7, 96, 0.5)
    order = np.random.default_rng(1).permutation(5000)
    np.testing.assert_array_equal(initial_factors(keys[order], 7, 96, 0.5), factors[order])
    np.testing.assert_array_equal(initial_factors(keys[4321:4322], 7, 96, 0.5)[0], factors[4321])


def test_factors_are_stable_over_releases() -> None:
    factors = initial_factors(id_keys(["a", "b"]), 0, 4, 1.0)
    expected = [
        [0.54741025, 0.823264, 0.04539242, -0.68570936],
        [-0.18372586, -0.8007271, -0.16758494, 1.2997292],
    ]
    assert factors.dtype == np.float32
    np.testing.assert_allclose(factors, expected, rtol=1e-6)


@pytest.mark.parametrize("keys", [np.arange(20_000), id_keys([str(i) for i in range(20_000)])])
def test_entries_are_independent_normal_numbers(keys: NDArray[np.int64]) -> None:
    rank, sigma = 16, 0.3
    scaled = initial_factors(keys, 3, rank, sigma).astype(np.float64) * np.sqrt(rank) / sigma
    assert stats.kstest(scaled.ravel(), "norm").pvalue > 1e-3
    assert abs(stats.kurtosis(scaled.ravel())) < 0.05
    correlation = np.corrcoef(scaled.T) - np.eye(rank)
    assert np.abs(correlation).max() < 5 / np.sqrt(len(keys))
    neighbours = np.mean(scaled[1:] * scaled[:-1])
    assert abs(neighbours) < 5 / np.sqrt(scaled.size)


@pytest.mark.parametrize("seed", [1, -1, 2**70 + 5])
def test_another_seed_gives_other_factors(seed: int) -> None:
    keys = np.arange(100)
    first, other = initial_factors(keys, 0, 8, 1.0), initial_factors(keys, seed, 8, 1.0)
    assert not np.any(first == other)
