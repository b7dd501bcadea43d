"""User rows on their way to the item blocks.

Items are updated from z of shared users and x of the others (schedule ``consensus``), or from x
of all users (schedule ``paper``, and iterations between two aggregations).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_ops import (
    address_of,
    by_domain,
    send_rows,
    shared_mask,
)
from cdimf_spark.distributed.blocks.block_rows import decode_matrix, encode, to_table
from cdimf_spark.distributed.training.steps.half_step import StepSettings
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.kernel.rows.least_squares import gram


def scoring_rows(
    shared: NDArray[np.bool_], own: NDArray[np.float32], coupled: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows of the users of a block, in key order: x of the own users, z or x of the shared ones."""
    rows = np.empty((len(shared), own.shape[1]), np.float32)
    rows[shared] = coupled
    rows[~shared] = own
    return rows


def make_route_step(settings: StepSettings, use_z: bool) -> CogroupFunction:
    """Send the rows of a known state: where a training begins, or goes on after a stop.

    The moving rows are z and x of the users of one block number, all domains.
    """

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        batches: list[pa.RecordBatch] = []
        for own in by_domain(static):
            domain = address_of(own).domain
            x_own, coupled = (
                decode_matrix(moving, kind, settings.rank, domain=domain)
                for kind in ("x_own", "z" if use_z else "x_shared")
            )
            batches += send_users(own, scoring_rows(shared_mask(own), x_own, coupled), settings)
        return to_table(batches)

    return step


def send_users(
    static: pa.Table, rows: NDArray[np.float32], settings: StepSettings
) -> Iterator[pa.RecordBatch]:
    """Messages from a block of users, and its part of the Gram matrix and of the mean row.

    In the former shared users weigh `shared_user_weight`, as in the item blocks (`reweigh`).
    """
    at = address_of(static)
    weights = np.where(shared_mask(static), settings.shared_user_weight, 1.0)
    yield from encode(at, {"gram": gram(rows, None if np.all(weights == 1) else weights)})
    if settings.rules[at.domain].user_prior:
        yield from encode(at, {"row_sums": rows.sum(axis=0, dtype=np.float64)})
    yield from send_rows(static, rows, settings.layout.items, at)
