from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from cdimf_spark.kernel.consensus import (
    PROXIMAL_OPERATORS,
    dual,
    relax,
    shared_factors,
    squared_distance,
)

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

PENALTIES: dict[str, Callable[[Float64, float], float]] = {
    "identity": lambda z, strength: 0.0,
    "l2": lambda z, strength: float(strength / 2 * np.sum(z**2)),
}


def exchange_of(
    keys: Sequence[int] | Int64, rows: Sequence[Sequence[float]] | Float64, rho: float = 1.0
) -> tuple[Int64, Float32, float]:
    return np.array(keys), np.array(rows, np.float32), rho


@pytest.mark.parametrize("name", sorted(PROXIMAL_OPERATORS))
@pytest.mark.parametrize(("mu", "strength"), [(0.1, 0.0), (0.5, 2.0), (2.0, 0.3)])
def test_proximal_operator_minimises_its_definition(name: str, mu: float, strength: float) -> None:
    point = np.array([1.5, -0.3, 0.0, 2.2])

    def definition(z: Float64) -> float:
        return PENALTIES[name](z, strength) + float(np.sum((z - point) ** 2)) / (2 * mu)

    best = minimize(definition, np.zeros(4), tol=1e-12).x
    answer = PROXIMAL_OPERATORS[name](point[None], np.array([mu]), strength)[0]
    np.testing.assert_allclose(answer, best, atol=1e-5)


def test_mean_is_over_the_domains_that_have_the_user() -> None:
    keys, z = shared_factors(
        [exchange_of([1, 5], [[1, 2], [3, 4]]), exchange_of([5, 9], [[5, 8], [7, 7]], 3.0)],
        "identity",
        0.0,
    )
    assert keys.tolist() == [1, 5, 9]
    assert z.dtype == np.float32
    np.testing.assert_array_equal(z, [[1, 2], [4.5, 7], [7, 7]])


def test_shared_factors_minimise_the_coupled_problem() -> None:
    rows, rhos, strength = np.array([[1.0, -2.0], [0.5, 3.0], [2.0, 2.0]]), [0.5, 2.0, 1.0], 0.7

    def coupled(z: Float64) -> float:
        pulls = [rho / 2 * np.sum((row - z) ** 2) for row, rho in zip(rows, rhos, strict=True)]
        return PENALTIES["l2"](z, strength) + float(np.sum(pulls))

    exchanged = [exchange_of([3], row[None], rho) for row, rho in zip(rows, rhos, strict=True)]
    _, z = shared_factors(exchanged, "l2", strength)
    np.testing.assert_allclose(z[0], minimize(coupled, np.zeros(2), tol=1e-12).x, atol=1e-5)


def test_equal_rows_stay_equal_with_any_number_of_domains() -> None:
    one = exchange_of([-4, 2], [[0.1, 0.3], [1 / 3, 7]])
    _, z = shared_factors([one] * 7, "identity", 0.0)
    np.testing.assert_array_equal(z, one[1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_consensus_does_not_depend_on_the_order_of_users(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sets = [np.sort(rng.choice(30, rng.integers(1, 20), replace=False)) for _ in range(3)]
    exchanged = [exchange_of(keys, rng.normal(size=(len(keys), 3))) for keys in sets]
    keys, z = shared_factors(exchanged, "l2", 0.5)
    for key in keys:
        alone = [
            (np.array([key]), rows[own == key], rho) for own, rows, rho in exchanged if key in own
        ]
        np.testing.assert_array_equal(shared_factors(alone, "l2", 0.5)[1][0], z[keys == key][0])


def test_unknown_operator_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="identity, l2"):
        shared_factors([exchange_of([1], [[1.0]])], "l1", 0.0)


def test_no_exchange_is_refused() -> None:
    with pytest.raises(ValueError, match="no domain"):
        shared_factors([], "identity", 0.0)


def test_relaxation_and_dual_follow_their_formulas() -> None:
    x, z = np.array([[2, 4]], np.float32), np.array([[1, 0]], np.float32)
    np.testing.assert_array_equal(relax(x, z, 1.0), x)
    np.testing.assert_allclose(relax(x, z, 1.5), [[2.5, 6]])
    np.testing.assert_array_equal(dual(x, z), [[1, 4]])
    assert relax(x, z, 1.6).dtype == np.float32
    assert squared_distance(x, z) == 17.0
