"""One block of rows: its interactions, its half-step, and what its users exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.consensus import dual, relax
from cdimf_spark.kernel.objective import coupling_loss, ridge_loss
from cdimf_spark.kernel.rows.least_squares import GramBasis, RowSolution, solve_rows
from cdimf_spark.solver.rules import RowRule

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class InteractionBlock:
    """Interactions of one block of rows as CSR over its source rows.

    Attributes
    ----------
    indptr, indices : int64 (n_rows + 1,), int32 (nnz,)
    weights : float32 (nnz,), or length 0 where every weight is 1
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: Vector

    def __post_init__(self) -> None:
        if len(self.indices) != self.indptr[-1] or len(self.weights) not in (0, len(self.indices)):
            raise ValueError(
                f"damaged block: {self.indptr[-1]} interactions announced, "
                f"{len(self.indices)} indices and {len(self.weights)} weights found"
            )

    @property
    def counts(self) -> NDArray[np.int64]:
        """Interactions of each row, int64 (n_rows,)."""
        return np.diff(self.indptr)

    @property
    def total_weight(self) -> float:
        """Sum of the weights."""
        return float(self.weights.sum(dtype=np.float64)) if len(self.weights) else len(self.indices)


class Coupling(NamedTuple):
    """The consensus state of the shared users of a block (in the order of their rows).

    `shared` bool (n_rows,) tells which rows these are; `exchanged` (E = X + U) and `z` are
    float32 (n_shared, rank).
    """

    shared: NDArray[np.bool_]
    rho: float
    exchanged: Matrix
    z: Matrix
    over_relaxation: float


class UserUpdate(NamedTuple):
    """Result of a user half-step of a block.

    `factors` float32 (n_rows, rank); `exchanged` the new X + U, float32 (n_shared, rank); `sums`
    float64 (5,): observed, unobserved, regularization and coupling loss, total weight.
    """

    factors: Matrix
    exchanged: Matrix
    sums: NDArray[np.float64]


def _solve(
    block: InteractionBlock,
    src: Matrix,
    basis: GramBasis,
    rule: RowRule,
    pull: tuple[Vector, Matrix] | None = None,
    prior: Vector | None = None,
) -> tuple[RowSolution, float]:
    """Solve the rows of a block; also their regularization loss."""
    ridge = own_ridge = rule.ridge(block.counts)
    if prior is not None:
        pull, ridge = _pull_of_ridge(own_ridge, prior, pull), np.zeros_like(own_ridge)
    pull_weight, pull_target = pull or (None, None)
    solution = solve_rows(
        block.indptr,
        block.indices,
        block.weights if len(block.weights) else None,
        src,
        basis,
        rule.unobserved_weight,
        ridge,
        pull_weight,
        pull_target,
    )
    if prior is None:
        return solution, ridge_loss(solution.factors, own_ridge)
    return solution, coupling_loss(solution.factors, prior[None, :], own_ridge)


def _pull_of_ridge(
    ridge: Vector, prior: Vector, pull: tuple[Vector, Matrix] | None
) -> tuple[Vector, Matrix]:
    """The ridge towards a point and the pull as one: |x - p|^2 and |x - h|^2 add up to a square."""
    if pull is None:
        return ridge, np.broadcast_to(prior, (len(ridge), len(prior)))
    weight, target = pull
    both = ridge + weight
    share = (ridge / both)[:, None]
    return both, (share * prior + (1 - share) * target).astype(np.float32, copy=False)


def update_items(
    block: InteractionBlock, src: Matrix, basis: GramBasis, rule: RowRule
) -> tuple[Matrix, float]:
    """Item half-step of a block: factors float32 (n_rows, rank), and their regularization loss."""
    solution, regularization = _solve(block, src, basis, rule)
    return solution.factors, regularization


def update_users(
    block: InteractionBlock,
    src: Matrix,
    basis: GramBasis,
    rule: RowRule,
    coupling: Coupling,
    prior: Vector | None = None,
) -> UserUpdate:
    """User half-step of a block: shared users are pulled towards z - u (paper eq. 27).

    The ridge draws all users towards `prior`, float32 (rank,), or without one towards zero.

    Then u = E - z and the new E = x_hat + u, where x_hat = c x + (1 - c) z is the over-relaxed x
    (Boyd et al. 2011, section 3.4.3).
    """
    shared, z = coupling.shared, coupling.z
    u = dual(coupling.exchanged, z)
    target = np.zeros((len(shared), src.shape[1]), np.float32)
    target[shared] = z - u
    pull_weight = np.where(shared, np.float32(coupling.rho), np.float32(0))
    pull = (pull_weight, target) if shared.any() else None
    solution, regularization = _solve(block, src, basis, rule, pull, prior)
    x = solution.factors[shared]
    sums = np.array(
        [
            solution.observed_loss,
            solution.unobserved_loss,
            regularization,
            coupling_loss(x, target[shared], pull_weight[shared]),
            block.total_weight,
        ]
    )
    return UserUpdate(solution.factors, relax(x, z, coupling.over_relaxation) + u, sums)
