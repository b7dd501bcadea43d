"""Rows for what the training has not seen, from the other side as it is: no training.

A new row is the solution of the row equation of the training (kernel/rows/least_squares) with the
published factors of the other side::

    ( a0*G + sum w y y' + (ridge + rho) I ) x = sum w y + ridge p m + rho (z - u)

A user has the pull of the domain's rho where the consensus knows them. A user whom the domain
itself shares with others is pulled to z - u, as in the training; who is new to it to z of the other
domains (u = 0), or to the mean of their rows there if only one knows them. p m is the option
user_prior times the mean of the domain's user rows.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.errors import DataError
from cdimf_spark.kernel.rows.least_squares import GramBasis
from cdimf_spark.serving.arguments import check_ids
from cdimf_spark.solver.block import Coupling, InteractionBlock, update_items, update_users
from cdimf_spark.solver.rules import DomainRules

Matrix = NDArray[np.float32]

Interactions = Mapping[str, float] | Iterable[str]


class Pull(NamedTuple):
    """Where a user is pulled to: `source` (shared, foreign, none), `z` and `exchanged` = x + u.

    The row equation has z - u = 2 z - exchanged. Both float32 (rank,).
    """

    source: str
    z: Matrix
    exchanged: Matrix

    @classmethod
    def none(cls, rank: int) -> Pull:
        """No pull."""
        zero = np.zeros(rank, np.float32)
        return cls("none", zero, zero)

    @property
    def target(self) -> Matrix:
        """What the row equation pulls to: z - u."""
        return self.z - (self.exchanged - self.z)


class FoldedRow(NamedTuple):
    """A row that was folded in.

    Attributes
    ----------
    factors : float32 (rank,)
        The row.
    pull : str
        Where a user was pulled to: ``shared``, ``foreign`` or ``none``; ``none`` for an item.
    n_interactions : int
        Interactions that the row is made of.
    unknown : tuple of str
        Ids of the other side that the model does not have, left out.
    """

    factors: Matrix
    pull: str
    n_interactions: int
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Cells:
    """Interactions of one row with rows that the model has.

    `ids` and `weights` float32 (k,) belong together, as do the rows `positions` int64 (k,) of the
    other side's table.
    """

    ids: tuple[str, ...]
    weights: NDArray[np.float32]
    positions: NDArray[np.int64]
    unknown: tuple[str, ...]

    def block(self, factor: NDArray[np.float32] | None = None) -> InteractionBlock:
        """The row as a block of one, its source rows in the order of the cells."""
        n = len(self.ids)
        weights = self.weights if factor is None else self.weights * factor
        return InteractionBlock(np.array([0, n]), np.arange(n, dtype=np.int32), weights)


def read_interactions(interactions: Interactions, noun: str) -> dict[str, float]:
    """Interactions as weights by id; those of weight 0 say nothing and are left out.

    Parameters
    ----------
    interactions
        Weights by id, or ids, each of weight 1.
    noun
        What the ids are: item or user.

    Raises
    ------
    DataError
        If there is none, an id is not a text, or a weight is not a finite number from 0.
    """
    ids = check_ids(interactions, noun, "interactions")
    pairs = interactions if isinstance(interactions, Mapping) else dict.fromkeys(ids, 1.0)
    for one, weight in pairs.items():
        number = isinstance(weight, numbers.Real) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight) or weight < 0:
            raise DataError(f"{noun} {one!r}: weight {weight!r} is not a finite number, 0 or more")
    read = {one: float(weight) for one, weight in pairs.items() if weight > 0}
    if not read:
        raise DataError(f"no interaction of a weight above 0: give at least one {noun}")
    return read


def solve_user(
    cells: Cells,
    src: Matrix,
    basis: GramBasis,
    rules: DomainRules,
    pull: Pull,
    prior: Matrix | None,
) -> Matrix:
    """Factors float32 (rank,) of a user from item rows float32 (k, rank) of their cells.

    `prior` float32 (rank,) is where the ridge draws them to, see `update_users`.
    """
    shared = np.array([pull.source != "none"])
    coupling = Coupling(shared, rules.rho, pull.exchanged[None][shared], pull.z[None][shared], 1.0)
    update = update_users(cells.block(), src, basis, rules.users, coupling, prior)
    row: Matrix = update.factors[0]
    return row


def solve_item(
    cells: Cells, src: Matrix, src_weights: Matrix, basis: GramBasis, rules: DomainRules
) -> Matrix:
    """Factors float32 (rank,) of an item from user rows float32 (k, rank) of its cells.

    `src_weights` float32 (k,): what these users weigh where items are solved.
    """
    factors, _ = update_items(cells.block(src_weights), src, basis, rules.items)
    row: Matrix = factors[0]
    return row
