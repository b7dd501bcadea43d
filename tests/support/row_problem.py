"""Random blocks of rows with their float64 textbook solutions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.rows.least_squares import RowSolution, gram, gram_basis, solve_rows

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Problem:
    """A random block with row lengths `counts`, and its float64 textbook solution."""

    indptr: NDArray[np.integer]
    indices: NDArray[np.integer]
    weights: Float32 | None
    pull_weight: Float32 | None
    pull_target: Float32 | None

    def __init__(
        self,
        counts: Sequence[int],
        rank: int,
        n_src: int = 400,
        seed: int = 0,
        a0: float = 0.1,
        ridge: float = 1.0,
        scale: float = 0.2,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.indptr = np.concatenate([[0], np.cumsum(counts)])
        self.indices = rng.integers(0, n_src, self.indptr[-1]).astype(np.int32)
        self.src = (rng.normal(size=(n_src, rank)) * scale).astype(np.float32)
        self.ridge = (ridge * rng.uniform(0.5, 2, len(counts))).astype(np.float32)
        self.a0, self.rng = a0, rng
        self.weights = self.pull_weight = self.pull_target = None

    def weighted(self, low: float, high: float) -> Problem:
        logs = self.rng.uniform(np.log(low), np.log(high), len(self.indices))
        self.weights = np.exp(logs).astype(np.float32)
        return self

    def pulled(self, rho: float = 2.0) -> Problem:
        n = len(self.ridge)
        self.pull_weight = (rho * self.rng.integers(0, 2, n)).astype(np.float32)
        self.pull_target = self.rng.normal(size=(n, self.src.shape[1])).astype(np.float32)
        return self

    def solve(self) -> RowSolution:
        return solve_rows(
            self.indptr, self.indices, self.weights, self.src, gram_basis(gram(self.src)),
            self.a0, self.ridge, self.pull_weight, self.pull_target,
        )  # fmt: skip

    def row(self, u: int) -> tuple[Float64, Float64, float, Float64]:
        cells = slice(self.indptr[u], self.indptr[u + 1])
        seen = self.src[self.indices[cells]].astype(np.float64)
        weights = np.ones(len(seen)) if self.weights is None else self.weights[cells]
        rho, target = 0.0, np.zeros(self.src.shape[1])
        # The target of a row without a pull may be anything.
        if self.pull_weight is not None and self.pull_weight[u] != 0:
            assert self.pull_target is not None
            rho, target = float(self.pull_weight[u]), self.pull_target[u].astype(np.float64)
        return seen, weights.astype(np.float64), rho, target

    def dense(self, u: int) -> Float64:
        seen, weights, rho, target = self.row(u)
        src = self.src.astype(np.float64)
        lhs = self.a0 * src.T @ src + (seen.T * weights) @ seen
        lhs += (float(self.ridge[u]) + rho) * np.eye(src.shape[1])
        return np.linalg.solve(lhs, seen.T @ weights + rho * target).astype(np.float64)

    def losses(self, factors: Float32) -> tuple[float, float]:
        """Observed and unobserved loss of given factors, cell by cell."""
        observed = unobserved = 0.0
        for u, x in enumerate(factors.astype(np.float64)):
            seen, weights, _, _ = self.row(u)
            observed += weights @ (seen @ x - 1) ** 2
            unobserved += self.a0 * np.sum((self.src @ x) ** 2)
        return observed, unobserved

    def objective(self, u: int, x: Float64) -> float:
        seen, weights, rho, target = self.row(u)
        return float(
            weights @ (seen @ x - 1) ** 2
            + self.a0 * np.sum((self.src @ x) ** 2)
            + float(self.ridge[u]) * x @ x
            + rho * np.sum((x - target) ** 2)
        )


def assert_rows_exact(
    problem: Problem, limit: float = 1e-5, rows: Iterable[int] | None = None
) -> RowSolution:
    solution = problem.solve()
    assert solution.factors.dtype == np.float32
    assert np.isfinite(solution.factors).all()
    for u in range(len(problem.ridge)) if rows is None else rows:
        exact = problem.dense(u)
        error = np.linalg.norm(solution.factors[u] - exact)
        assert error <= limit * np.linalg.norm(exact), (u, error, np.linalg.norm(exact))
    return solution


LENGTHS = [0, 1, 2, 3, 4, 5, 15, 16, 17, 18, 19, 20, 31, 32, 33, 64, 100, 399, 1500, 0]
