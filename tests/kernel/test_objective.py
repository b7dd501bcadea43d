import numpy as np
import pytest

from cdimf_spark.kernel.objective import coupling_loss, ridge_loss, unobserved_loss
from cdimf_spark.kernel.rows.least_squares import gram

FACTORS = np.array([[1, 2], [3, 0]], np.float32)


def test_ridge_loss_weighs_squared_lengths() -> None:
    assert ridge_loss(FACTORS, np.array([0.5, 2], np.float32)) == 0.5 * 5 + 2 * 9


def test_coupling_loss_weighs_squared_distances() -> None:
    assert (
        coupling_loss(FACTORS, np.array([[1, 0], [9, 9]], np.float32), np.array([3, 0], np.float32))
        == 12
    )


def test_unobserved_loss_equals_the_sum_over_all_cells() -> None:
    rng = np.random.default_rng(0)
    users, items = (rng.normal(size=(n, 4)).astype(np.float32) for n in (20, 30))
    cells = np.sum((users.astype(np.float64) @ items.T.astype(np.float64)) ** 2)
    assert unobserved_loss(gram(users), gram(items), 0.3) == pytest.approx(0.3 * cells, rel=1e-12)


def test_sums_are_float64() -> None:
    many = np.full((100_000, 2), 0.1, np.float32)
    exact = 200_000 * float(np.float32(0.1)) ** 2
    assert ridge_loss(many, np.ones(100_000, np.float32)) == pytest.approx(exact, rel=1e-12)
