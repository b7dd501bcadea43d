"""The users' part of an iteration: half-step, consensus, and their rows to the item blocks.

All three are one step. Users of all domains are cut alike, so a task that gets the blocks of one
number has all that the consensus of these users needs, and all that follows from it. Only
messages between users and items travel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_ops import (
    address_of,
    by_domain,
    interactions_of,
    received_rows,
    shared_mask,
)
from cdimf_spark.distributed.blocks.block_rows import (
    Address,
    decode,
    decode_matrix,
    encode,
    to_table,
)
from cdimf_spark.distributed.training.steps.half_step import StepSettings
from cdimf_spark.distributed.training.steps.routing import scoring_rows, send_users
from cdimf_spark.distributed.training.steps.shared_users import (
    ConsensusSettings,
    Exchange,
    update_consensus,
)
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.kernel.consensus import consensus_sums, squared_distance
from cdimf_spark.kernel.rows.least_squares import GramBasis
from cdimf_spark.solver.block import Coupling, UserUpdate, update_users

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class SolvedUsers:
    """Users of one block of one domain after their half-step.

    Attributes
    ----------
    static
        Packed static rows of the block.
    shared : bool (n_users,)
        Which of the users are shared.
    update
        What the half-step returned.
    z : float32 (n_shared, rank)
        The consensus that it was pulled to.
    """

    at: Address
    static: pa.Table
    shared: NDArray[np.bool_]
    update: UserUpdate
    z: Matrix

    @property
    def exchange(self) -> Exchange:
        """All that the consensus learns of this domain."""
        return Exchange(decode(self.static, "keys")[self.shared], self.update.exchanged)

    @property
    def x_shared(self) -> Matrix:
        """Rows x of the shared users, float32 (n_shared, rank)."""
        return self.update.factors[self.shared]

    @property
    def x_own(self) -> Matrix:
        """Rows x of the other users, float32 (n_own, rank)."""
        return self.update.factors[~self.shared]


class ItemSide(NamedTuple):
    """What the users of a domain need besides item rows, by domain.

    `bases` are those of the items' Gram matrices; `priors` float32 (rank,) the points that the
    ridge draws users to, where it is not zero.
    """

    bases: Mapping[str, GramBasis]
    priors: Mapping[str, NDArray[np.float32] | None]


def make_user_step(
    settings: StepSettings,
    items: ItemSide,
    use_z: bool,
    last: ConsensusSettings | None,
    consensus: ConsensusSettings | None,
) -> CogroupFunction:
    """Step of the users of one block number, all domains.

    The moving rows are the item messages and the `exchange` rows of the users, from which their z
    follows: it need not travel. `last` made it, None at the start (`exchanged_rows`). Emits, by
    domain: messages to the item blocks, from z of shared users if `use_z`, else from x; x of the
    own users, and of the shared ones unless z says all; with a `consensus` (None between two
    aggregations) the new X + U and z; and what the driver adds up: the users' Gram matrix, the
    losses and the residuals.
    """

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        blocks = list(by_domain(static))
        before = exchanged_rows(blocks, moving, settings.rank, last)
        solved = [solve_users(own, moving, settings, items, before) for own in blocks]
        z = {block.at.domain: block.z for block in solved}
        if consensus is not None:
            exchanges = {block.at.domain: block.exchange for block in solved}
            z = update_consensus(exchanges, consensus)
        batches: list[pa.RecordBatch] = []
        for block in solved:
            new_z = z[block.at.domain]
            batches += encode(block.at, _sums(block, new_z, consensus))
            batches += encode(block.at, _state(block, new_z, use_z, consensus is not None))
            rows = scoring_rows(block.shared, block.x_own, new_z if use_z else block.x_shared)
            batches += send_users(block.static, rows, settings)
        return to_table(batches)

    return step


def exchanged_rows(
    blocks: Sequence[pa.Table], moving: pa.Table, rank: int, last: ConsensusSettings | None
) -> dict[str, tuple[Matrix, Matrix]]:
    """X + U of the shared users of one block number and the z that they gave, by domain.

    Without a `last` consensus there was none yet: U is 0, and all domains start at X = Z.
    """
    sent = {}
    for own in blocks:
        domain = address_of(own).domain
        keys = decode(own, "keys")[decode(own, "shared")]
        sent[domain] = Exchange(keys, decode_matrix(moving, "exchange", rank, domain=domain))
    z = update_consensus(sent, last) if last else {name: rows for name, (_, rows) in sent.items()}
    return {name: (rows, z[name]) for name, (_, rows) in sent.items()}


def solve_users(
    static: pa.Table,
    moving: pa.Table,
    settings: StepSettings,
    items: ItemSide,
    before: Mapping[str, tuple[Matrix, Matrix]],
) -> SolvedUsers:
    """User half-step of one block of one domain."""
    at, shared = address_of(static), shared_mask(static)
    rules = settings.rules[at.domain]
    exchanged, z = before[at.domain]
    coupling = Coupling(shared, rules.rho, exchanged, z, settings.over_relaxation)
    src = received_rows(static, moving, settings.rank)
    basis, prior = items.bases[at.domain], items.priors.get(at.domain)
    update = update_users(interactions_of(static), src, basis, rules.users, coupling, prior)
    return SolvedUsers(at, static, shared, update, z)


def _state(block: SolvedUsers, z: Matrix, use_z: bool, aggregated: bool) -> dict[str, Any]:
    """What the next iteration, or a resumed run, needs of the users."""
    arrays: dict[str, NDArray[Any]] = {"x_own": block.x_own}
    if not use_z:
        arrays["x_shared"] = block.x_shared
    if aggregated:
        keys, rows = block.exchange
        arrays |= {"exchange": rows, "exchange_keys": keys, "z": z}
    return arrays


def _sums(block: SolvedUsers, z: Matrix, consensus: ConsensusSettings | None) -> dict[str, Any]:
    """Losses and residuals; `primal_sums` float64 (1,): |x - z|^2 of the shared users."""
    sums = {
        "user_sums": block.update.sums,
        "primal_sums": np.array([squared_distance(block.x_shared, z)]),
    }
    if consensus is not None:
        sums["consensus_sums"] = consensus_sums(z, block.z, consensus.rho[block.at.domain])
    return sums
