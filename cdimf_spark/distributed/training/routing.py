"""The consensus of the shared users, and the way of all users' rows to the item blocks.

Both are one step: users of all domains are cut alike, so a task that gets the rows of one block
number has all that the consensus of these users needs, and all that follows from it. Items are
updated from z of shared users and x of the others (schedule ``consensus``), or from x of all
users (schedule ``paper``, and iterations between two aggregations).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix, encode, to_table
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.training.half_step import (
    StepSettings,
    address_of,
    by_domain,
    interactions_of,
    received_rows,
    send_rows,
    shared_mask,
)
from cdimf_spark.distributed.training.shared_users import ConsensusSettings, update_consensus
from cdimf_spark.distributed.workers import CogroupFunction, GroupFunction
from cdimf_spark.kernel.consensus import squared_distance
from cdimf_spark.kernel.least_squares import gram


def scoring_rows(
    shared: NDArray[np.bool_], own: NDArray[np.float32], coupled: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows of the users of a block, in key order: x of the own users, z or x of the shared ones."""
    rows = np.empty((len(shared), own.shape[1]), np.float32)
    rows[shared] = coupled
    rows[~shared] = own
    return rows


def make_route_step(
    settings: StepSettings, use_z: bool, consensus: ConsensusSettings | None = None
) -> CogroupFunction:
    """Send the users' rows of a block number, all domains, to the item blocks that need them.

    With `consensus` the moving rows hold a new exchange, which is averaged first; otherwise they
    hold the z that is valid. Emits the messages, each domain's part of the user Gram matrix
    (shared users weigh `shared_user_weight`), `route_sums` (see `_sums`), and the sums of the
    half-step as they came; after a consensus also its z and sums.
    """

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        updates = update_consensus(moving, consensus) if consensus else ()
        updated = {update.domain: update for update in updates}
        batches: list[pa.RecordBatch] = []
        for own in by_domain(static):
            at = address_of(own)
            update = updated.get(at.domain)
            z = update.z if update else decode_matrix(moving, "z", settings.rank, domain=at.domain)
            batches += _route_block(own, moving, z, settings, use_z)
            if update:
                batches += encode(at, {"z": z, "consensus_sums": update.sums})
        return to_table(batches)

    return step


def _route_block(
    static: pa.Table,
    moving: pa.Table,
    z: NDArray[np.float32],
    settings: StepSettings,
    use_z: bool,
) -> Iterator[pa.RecordBatch]:
    """What one block of one domain sends."""
    at, shared = address_of(static), shared_mask(static)
    x_own, x_shared = (
        decode_matrix(moving, kind, settings.rank, domain=at.domain)
        for kind in ("x_own", "x_shared")
    )
    rows = scoring_rows(shared, x_own, z if use_z else x_shared)
    row_weights = np.where(shared, settings.shared_user_weight, 1.0)
    sums = {
        "gram": gram(rows, None if np.all(row_weights == 1) else row_weights),
        "route_sums": _sums(x_shared, z),
    }
    solved = decode(moving, "user_sums", domain=at.domain)
    yield from encode(at, sums | ({"user_sums": solved} if len(solved) else {}))
    yield from send_rows(static, rows, settings.layout.items, at)


def _sums(x: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 (2,): |x - z|^2 of the shared users (primal residual), |x|^2; 0 without x."""
    if len(x) == 0:
        return np.zeros(2)
    return np.array([squared_distance(x, z), squared_distance(x, np.zeros_like(x))])


def make_user_weights(shared_user_weight: float, items: Side) -> GroupFunction:
    """Send the weight of each user (1, or `shared_user_weight`) to the item blocks."""

    def step(static: pa.Table) -> pa.Table:
        batches: list[pa.RecordBatch] = []
        for own in by_domain(static):
            weights = np.where(shared_mask(own), np.float32(shared_user_weight), np.float32(1))
            batches += send_rows(own, weights, items, address_of(own))
        return to_table(batches)

    return step


def reweigh(static: pa.Table, messages: pa.Table) -> pa.Table:
    """Static item rows whose interaction weights are multiplied by the weights of their users."""
    block = interactions_of(static)
    factors = received_rows(static, messages, rank=1).reshape(-1)[block.indices]
    weights = block.weights * factors if len(block.weights) else factors
    others = static.filter(pc.not_equal(static.column("kind"), "weights"))
    return to_table([*others.to_batches(), *encode(address_of(static), {"weights": weights})])
