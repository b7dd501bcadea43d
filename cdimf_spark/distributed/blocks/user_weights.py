"""Weights of users in the items' half-step: shared users may count more (`shared_user_weight`)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cdimf_spark.distributed.blocks.block_ops import (
    address_of,
    by_domain,
    interactions_of,
    received_rows,
    send_rows,
    shared_mask,
)
from cdimf_spark.distributed.blocks.block_rows import encode, to_table
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.workers import GroupFunction


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
