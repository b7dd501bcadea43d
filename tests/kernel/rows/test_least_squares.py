"""The row solver against dense float64 solutions."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cdimf_spark.kernel.rows import least_squares
from cdimf_spark.kernel.rows.least_squares import gram, gram_basis, row_ridge, solve_rows
from tests.support.row_problem import LENGTHS, Problem, assert_rows_exact


@pytest.mark.parametrize("rank", [1, 2, 7, 32, 65])
@pytest.mark.parametrize("pulled", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_any_length_equal_the_dense_solution(
    rank: int, pulled: bool, weighted: bool
) -> None:
    problem = Problem(LENGTHS, rank, seed=rank)
    problem = problem.pulled() if pulled else problem
    problem = problem.weighted(0.2, 5) if weighted else problem
    assert_rows_exact(problem)


@pytest.mark.parametrize("a0", [0.0, 1e-3, 1.0])
def test_rows_are_exact_for_any_unobserved_weight(a0: float) -> None:
    assert_rows_exact(Problem(LENGTHS, 24, a0=a0))


@pytest.mark.parametrize("bounds", [(1e-6, 1e-5), (1e5, 1e6), (1e-6, 1e6)])
def test_rows_are_exact_for_extreme_weights(bounds: tuple[float, float]) -> None:
    assert_rows_exact(Problem(LENGTHS, 24).weighted(*bounds).pulled())


@pytest.mark.parametrize("bounds", [(1e-30, 1e-29), (1e29, 1e30), (1e-30, 1e30)])
def test_absurd_weights_give_finite_factors(bounds: tuple[float, float]) -> None:
    solution = Problem(LENGTHS, 8).weighted(*bounds).solve()
    assert np.isfinite(solution.factors).all()
    assert np.isfinite(solution.observed_loss)


@pytest.mark.parametrize("ridge", [1e-4, 1e-2])
def test_near_singular_grams_keep_the_precision(ridge: float) -> None:
    """Fewer source rows than columns, and a spectrum that falls over six orders."""
    problem = Problem([0, 3, 12, 16, 17, 30, 200], 48, n_src=30, ridge=ridge)
    assert_rows_exact(problem)
    decaying = Problem([1, 5, 16, 17, 40, 300], 48, ridge=ridge, scale=1.0)
    decaying.src *= np.logspace(0, -3, 48).astype(np.float32)
    assert_rows_exact(decaying)


def test_rows_with_repeated_source_rows_are_exact() -> None:
    problem = Problem([10, 16, 40, 500], 16)
    problem.indices[:] = 3
    assert_rows_exact(problem)


def test_very_long_row_is_exact_beside_short_ones() -> None:
    problem = Problem([2, 1_000_000, 0, 30], 8, n_src=1_000_000)
    problem.indices[2:1_000_002] = np.arange(1_000_000)
    assert_rows_exact(problem)


def test_rows_longer_than_the_buffer_are_gathered_in_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cdimf_spark.kernel.rows.conjugate_gradient._BUFFER_ENTRIES", 16 * 50)
    problem = Problem([20, 49, 50, 51, 333], 16).weighted(0.5, 2).pulled()
    solution = assert_rows_exact(problem)
    assert solution.observed_loss == pytest.approx(problem.losses(solution.factors)[0], rel=1e-5)


def test_losses_equal_the_sum_over_cells() -> None:
    problem = Problem(LENGTHS, 12).weighted(0.1, 10).pulled()
    solution = problem.solve()
    observed, unobserved = problem.losses(solution.factors)
    assert solution.observed_loss == pytest.approx(observed, rel=1e-5)
    assert solution.unobserved_loss == pytest.approx(unobserved, rel=1e-5)


def test_hard_rows_are_solved_densely_with_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(least_squares, "_MAX_ITERATIONS", 1)
    problem = Problem(LENGTHS, 12).weighted(0.1, 10).pulled()
    solution = assert_rows_exact(problem, 1e-6)
    observed, unobserved = problem.losses(solution.factors)
    assert solution.observed_loss == pytest.approx(observed, rel=1e-6)
    assert solution.unobserved_loss == pytest.approx(unobserved, rel=1e-6)


def test_row_without_interactions_moves_to_its_pull_only() -> None:
    problem = Problem([0, 0], 4).pulled()
    assert problem.pull_weight is not None
    assert problem.pull_target is not None
    problem.pull_weight[:] = [0, 1e6]
    problem.pull_target[0] = np.nan
    factors = problem.solve().factors
    np.testing.assert_array_equal(factors[0], 0)
    np.testing.assert_allclose(factors[1], problem.pull_target[1], rtol=1e-4, atol=1e-4)


def test_two_by_one_problem_known_by_hand() -> None:
    # One source row y = 2, a0 = 1, ridge 2: (1*4 + 4 + 2) x = 2.
    src, ridge = np.array([[2.0]], np.float32), np.array([2, 2], np.float32)
    indptr, indices = np.array([0, 1, 1]), np.array([0])
    solution = solve_rows(indptr, indices, None, src, gram_basis(gram(src)), 1.0, ridge)
    np.testing.assert_allclose(solution.factors, [[0.2], [0.0]], rtol=1e-6)
    assert solution.observed_loss == pytest.approx(0.36)
    assert solution.unobserved_loss == pytest.approx(0.16)


def test_no_rows_and_no_source_rows_are_fine() -> None:
    basis = gram_basis(np.eye(3))
    none = np.empty((0, 3), np.float32)
    empty = solve_rows(np.array([0]), np.empty(0, np.int32), None, none, basis, 1.0, none[:, 0])
    assert empty.factors.shape == (0, 3)
    assert (empty.observed_loss, empty.unobserved_loss) == (0.0, 0.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_permuted_rows_give_permuted_factors(seed: int) -> None:
    problem = Problem([3, 17, 0, 40, 16, 200, 9], 8, seed=seed).weighted(0.1, 10).pulled()
    factors = problem.solve().factors
    order = problem.rng.permutation(7)
    cells = [np.arange(problem.indptr[u], problem.indptr[u + 1]) for u in order]
    problem.indptr = np.concatenate([[0], np.cumsum([len(part) for part in cells])])
    problem.indices = problem.indices[np.concatenate(cells)]
    assert problem.weights is not None
    assert problem.pull_weight is not None
    assert problem.pull_target is not None
    problem.weights = problem.weights[np.concatenate(cells)]
    problem.ridge, problem.pull_weight = problem.ridge[order], problem.pull_weight[order]
    problem.pull_target = problem.pull_target[order]
    np.testing.assert_allclose(problem.solve().factors, factors[order], rtol=1e-5, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-4, 10))
def test_no_nearby_row_has_a_lower_loss(seed: int, a0: float) -> None:
    problem = Problem([3, 16, 17, 60], 6, seed=seed, a0=a0).weighted(0.1, 10).pulled()
    for u, x in enumerate(problem.solve().factors.astype(np.float64)):
        best = problem.objective(u, x)
        for _ in range(5):
            other = x + problem.rng.normal(size=6) * 10 ** problem.rng.uniform(-3, 1)
            assert problem.objective(u, other) >= best * (1 - 1e-9)


def test_half_steps_never_raise_the_loss() -> None:
    cells = sp.random(80, 60, 0.1, format="csr", random_state=0)
    sides, a0, ridge = [cells, cells.T.tocsr()], 0.2, 0.7
    factors = [
        np.random.default_rng(s).normal(size=(n, 5)).astype(np.float32)
        for s, n in enumerate(cells.shape)
    ]
    losses = []
    for step in range(8):
        dst = step % 2
        side, src = sides[dst], factors[1 - dst]
        ones = np.full(side.shape[0], ridge, np.float32)
        solution = solve_rows(side.indptr, side.indices, None, src, gram_basis(gram(src)), a0, ones)
        factors[dst] = solution.factors
        penalty = ridge * sum(float(np.sum(side.astype(np.float64) ** 2)) for side in factors)
        losses.append(solution.observed_loss + solution.unobserved_loss + penalty)
    assert np.all(np.diff(losses) <= 1e-6 * losses[0])
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_input_types_and_layouts_do_not_matter(index_type: type[np.integer]) -> None:
    problem = Problem([5, 30, 0], 6).weighted(0.5, 2)
    expected = problem.solve().factors
    problem.indptr = problem.indptr.astype(index_type)
    problem.indices = problem.indices.astype(index_type)
    problem.src = np.asfortranarray(problem.src)
    assert problem.weights is not None
    for array in (problem.weights, problem.indices, problem.indptr, problem.ridge):
        array.setflags(write=False)
    np.testing.assert_allclose(problem.solve().factors, expected, rtol=1e-5, atol=1e-6)


def test_empty_weights_mean_all_one() -> None:
    problem = Problem([5, 30, 0], 6)
    expected = problem.solve().factors
    problem.weights = np.empty(0, np.float32)
    np.testing.assert_array_equal(problem.solve().factors, expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("indptr", np.array([0, 5])),
        ("weights", np.ones(3, np.float32)),
        ("pull_weight", np.ones(3, np.float32)),
        ("pull_target", np.ones((2, 5), np.float32)),
    ],
)
def test_wrong_shapes_are_named(name: str, value: NDArray[np.generic]) -> None:
    problem = Problem([5, 30], 6).pulled()
    setattr(problem, name, value)
    with pytest.raises(ValueError, match=name):
        problem.solve()


def test_gram_equals_the_float64_product_and_is_symmetric() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(9000, 7)).astype(np.float32)
    weights = rng.uniform(0, 3, 9000).astype(np.float32)
    wide = rows.astype(np.float64)
    np.testing.assert_allclose(gram(rows), np.einsum("nd,ne->de", wide, wide), rtol=1e-12)
    weighted = np.einsum("n,nd,ne->de", weights.astype(np.float64), wide, wide)
    np.testing.assert_allclose(gram(rows, weights), weighted, rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(gram(rows, weights), gram(rows, weights).T)


def test_basis_rebuilds_its_gram_and_survives_pickling() -> None:
    matrix = gram(np.random.default_rng(0).normal(size=(5, 9)).astype(np.float32))
    basis = pickle.loads(pickle.dumps(gram_basis(matrix)))
    assert (basis.eigenvalues >= 0).all()
    rebuilt = (basis.vectors * basis.eigenvalues) @ basis.vectors.T
    np.testing.assert_allclose(rebuilt, matrix, atol=1e-12)


def test_gram_with_nan_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        gram_basis(np.full((2, 2), np.nan))


def test_row_ridge_follows_both_formulas() -> None:
    counts = np.array([0, 4, 16])
    relative = row_ridge(counts, 100, 2.0, 0.5, 0.3, "relative", 4.0)
    np.testing.assert_allclose(relative, [0, 2, 4], rtol=1e-6)
    paper = row_ridge(counts, 100, 2.0, 2.0, 0.3, "paper", 4.0)
    np.testing.assert_allclose(paper, [0.18, 2 * 0.34**2, 2 * 0.46**2], rtol=1e-6)
    assert relative.dtype == paper.dtype == np.float32
    np.testing.assert_array_equal(row_ridge(counts, 9, 2.0, 0.0, 1.0, "relative", 4.0), 2)
    with pytest.raises(ValueError, match="scaling"):
        row_ridge(counts, 100, 2.0, 0.5, 0.3, "other", 4.0)
