"""Half-steps of one block against the formulas of the paper, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from cdimf_spark.kernel.rows.least_squares import gram, gram_basis
from cdimf_spark.solver.block import Coupling, InteractionBlock, update_items, update_users
from cdimf_spark.solver.rules import RowRule
from tests.support.dense_reference import solve_row

RANK = 5
RULE = RowRule(
    unobserved_weight=0.2,
    reg_param=1.5,
    reg_exponent=0.5,
    reg_scaling="relative",
    mean_count=2.0,
    n_other=9,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def random_block(rng: np.random.Generator, weighted: bool) -> tuple[InteractionBlock, np.ndarray]:
    """A block of 6 rows over 9 source rows, and the same as a dense matrix of weights."""
    seen = rng.random((6, 9)) < 0.4
    seen[:, 0] = True
    dense = np.where(seen, rng.uniform(0.5, 4.0, seen.shape) if weighted else 1.0, 0.0)
    dense = dense.astype(np.float32)
    indptr = np.concatenate(([0], np.cumsum(seen.sum(1))))
    weights = dense[seen] if weighted else np.empty(0, np.float32)
    return InteractionBlock(indptr, np.nonzero(seen)[1].astype(np.int32), weights), dense


def dense_rows(
    dense: np.ndarray, src: np.ndarray, pull: np.ndarray, target: np.ndarray
) -> np.ndarray:
    ridge = RULE.reg_param * ((dense > 0).sum(1) / RULE.mean_count) ** RULE.reg_exponent
    src = src.astype(float)
    a0_gram = RULE.unobserved_weight * src.T @ src
    rows = zip(dense.astype(float), ridge, pull, target.astype(float), strict=True)
    return np.array([solve_row(src, w, a0_gram, c, rho, t) for w, c, rho, t in rows])


@pytest.mark.parametrize("weighted", [False, True])
def test_items_solve_their_equations(rng: np.random.Generator, weighted: bool) -> None:
    block, dense = random_block(rng, weighted)
    src = rng.normal(size=(9, RANK)).astype(np.float32)
    factors, regularization = update_items(block, src, gram_basis(gram(src)), RULE)
    expected = dense_rows(dense, src, np.zeros(6), np.zeros((6, RANK)))
    np.testing.assert_allclose(factors, expected, rtol=1e-5, atol=1e-6)
    ridge = RULE.reg_param * ((dense > 0).sum(1) / RULE.mean_count) ** RULE.reg_exponent
    np.testing.assert_allclose(regularization, ridge @ (expected**2).sum(1), rtol=1e-5)


@pytest.mark.parametrize("over_relaxation", [1.0, 1.6])
def test_users_are_pulled_and_exchange_over_relaxed_rows(
    rng: np.random.Generator, over_relaxation: float
) -> None:
    block, dense = random_block(rng, weighted=True)
    src = rng.normal(size=(9, RANK)).astype(np.float32)
    shared = np.array([True, False, True, True, False, True])
    z, u = rng.normal(size=(2, 4, RANK)).astype(np.float32)
    coupling = Coupling(shared, 3.0, z + u, z, over_relaxation)
    update = update_users(block, src, gram_basis(gram(src)), RULE, coupling)

    target = np.zeros((6, RANK))
    target[shared] = z - u
    x = dense_rows(dense, src, 3.0 * shared, target)
    np.testing.assert_allclose(update.factors, x, rtol=1e-5, atol=2e-6)
    exchanged = over_relaxation * x[shared] + (1 - over_relaxation) * z + u
    np.testing.assert_allclose(update.exchanged, exchanged, rtol=1e-5, atol=5e-6)

    scores = x @ src.T.astype(float)
    ridge = RULE.reg_param * ((dense > 0).sum(1) / RULE.mean_count) ** RULE.reg_exponent
    parts = [
        (dense * (scores - 1) ** 2).sum(),
        RULE.unobserved_weight * (scores**2).sum(),
        ridge @ (x**2).sum(1),
        3.0 * ((x[shared] - target[shared]) ** 2).sum(),
        dense.sum(),
    ]
    np.testing.assert_allclose(update.sums, parts, rtol=1e-5)


def test_a_huge_rho_pins_users_to_their_target(rng: np.random.Generator) -> None:
    block, _ = random_block(rng, weighted=False)
    src = rng.normal(size=(9, RANK)).astype(np.float32)
    z, u = rng.normal(size=(2, 6, RANK)).astype(np.float32)
    coupling = Coupling(np.ones(6, bool), 1e8, z + u, z, 1.6)
    update = update_users(block, src, gram_basis(gram(src)), RULE, coupling)
    np.testing.assert_allclose(update.factors, z - u, rtol=1e-5, atol=1e-6)


def test_a_block_without_shared_users_exchanges_nothing(rng: np.random.Generator) -> None:
    block, dense = random_block(rng, weighted=False)
    src = rng.normal(size=(9, RANK)).astype(np.float32)
    none = np.empty((0, RANK), np.float32)
    coupling = Coupling(np.zeros(6, bool), 1.0, none, none, 1.6)
    update = update_users(block, src, gram_basis(gram(src)), RULE, coupling)
    expected = dense_rows(dense, src, np.zeros(6), np.zeros((6, RANK)))
    np.testing.assert_allclose(update.factors, expected, rtol=1e-5, atol=1e-6)
    assert update.exchanged.shape == (0, RANK)
    assert update.sums[3] == 0
    assert update.sums[4] == (dense > 0).sum()


@pytest.mark.parametrize(
    ("n_indices", "n_weights"), [(2, 0), (4, 0), (3, 2), (3, 4)], ids=lambda n: str(n)
)
def test_a_damaged_block_is_refused(n_indices: int, n_weights: int) -> None:
    with pytest.raises(ValueError, match="damaged block: 3 interactions announced"):
        InteractionBlock(
            np.array([0, 2, 3]), np.zeros(n_indices, np.int32), np.ones(n_weights, np.float32)
        )
