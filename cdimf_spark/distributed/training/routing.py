"""User rows on their way to the item blocks.

Items are updated from z of shared users and x of the others (schedule ``consensus``), or from x
of all users (schedule ``paper``, and iterations between two aggregations).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_rows import decode_matrix, encode, to_table
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.training.half_step import (
    StepSettings,
    address_of,
    interactions_of,
    received_rows,
    send_rows,
    shared_mask,
)
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.kernel.consensus import squared_distance
from cdimf_spark.kernel.least_squares import gram


def scoring_rows(static: pa.Table, moving: pa.Table, rank: int, use_z: bool) -> NDArray[np.float32]:
    """Rows of the users of a block: x of the own users, z or x of the shared ones."""
    shared = shared_mask(static)
    rows = np.empty((len(shared), rank), np.float32)
    rows[shared] = decode_matrix(moving, "z" if use_z else "x_shared", rank)
    rows[~shared] = decode_matrix(moving, "x_own", rank)
    return rows


def make_route_step(settings: StepSettings, use_z: bool) -> CogroupFunction:
    """Send the user rows of a block to the item blocks that need them.

    Emits the messages, the block's part of the user Gram matrix (shared users weigh
    `shared_user_weight`) and `route_sums`, see `_sums`.
    """

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        at = address_of(static)
        rows = scoring_rows(static, moving, settings.rank, use_z)
        row_weights = np.where(shared_mask(static), settings.shared_user_weight, 1.0)
        arrays = {
            "gram": gram(rows, None if np.all(row_weights == 1) else row_weights),
            "route_sums": _sums(moving, settings.rank),
        }
        messages = send_rows(static, rows, settings.layout.items, at)
        return to_table([*messages, *encode(at, arrays)])

    return step


def _sums(moving: pa.Table, rank: int) -> NDArray[np.float64]:
    """float64 (2,): |x - z|^2 of the shared users (primal residual), |x|^2; 0 without x."""
    x, z = (decode_matrix(moving, kind, rank) for kind in ("x_shared", "z"))
    if len(x) == 0:
        return np.zeros(2)
    return np.array([squared_distance(x, z), squared_distance(x, np.zeros_like(x))])


def make_user_weights(shared_user_weight: float, items: Side) -> CogroupFunction:
    """Send the weight of each user (1, or `shared_user_weight`) to the item blocks."""

    def step(static: pa.Table, _: pa.Table) -> pa.Table:
        weights = np.where(shared_mask(static), np.float32(shared_user_weight), np.float32(1))
        return to_table(send_rows(static, weights, items, address_of(static)))

    return step


def reweigh(static: pa.Table, messages: pa.Table) -> pa.Table:
    """Static item rows whose interaction weights are multiplied by the weights of their users."""
    block = interactions_of(static)
    factors = received_rows(static, messages, rank=1).reshape(-1)[block.indices]
    weights = block.weights * factors if len(block.weights) else factors
    others = static.filter(pc.not_equal(static.column("kind"), "weights"))
    return to_table([*others.to_batches(), *encode(address_of(static), {"weights": weights})])
