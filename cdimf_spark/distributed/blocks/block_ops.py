"""Packed rows of blocks in the workers: grouping them, reading them, and sending factor rows.

What training, scoring and fold-in have in common. A block's static rows say which rows the blocks
of the other side need (routes) and in which order it gets theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, GroupedData

from cdimf_spark.distributed.blocks.block_rows import (
    Address,
    decode,
    decode_matrix,
    encode,
)
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.workers import CogroupFunction, apply_to_cogroups
from cdimf_spark.schemas import BLOCK_ROW, DOMAIN
from cdimf_spark.solver.block import InteractionBlock


def by_block(frame: DataFrame, side: Side, key: str = "pkey") -> GroupedData:
    """Groups of the rows of each block, one task a group key, however the rows came to lie.

    With the key `bkey` a group has the blocks of one number of all domains.
    """
    return frame.repartition(side.num_blocks, key).groupBy(key)


def cogroup_blocks(
    static: DataFrame, moving: DataFrame, side: Side, function: CogroupFunction, key: str = "pkey"
) -> DataFrame:
    """Apply a function to the static and the moving rows of each block of a side.

    The moving rows are shuffled; the static ones stay where `persist_blocks` put them. With the
    key `bkey` a group has the blocks of one number of all domains.
    """
    return apply_to_cogroups(static.groupBy(key), by_block(moving, side, key), function, BLOCK_ROW)


def address_of(table: pa.Table) -> Address:
    """Address of the block that a table of packed rows belongs to."""
    return Address(*(table.column(c)[0].as_py() for c in ("pkey", "domain", "block")))


def by_domain(static: pa.Table) -> Iterator[pa.Table]:
    """The rows of each domain, by name."""
    for domain in sorted(pc.unique(static.column(DOMAIN)).to_pylist()):
        yield static.filter(pc.equal(static.column(DOMAIN), domain))


def shared_mask(static: pa.Table) -> NDArray[np.bool_]:
    """Which users of a block are shared, bool (n_rows,)."""
    mask = np.zeros(len(decode(static, "keys")), np.bool_)
    mask[decode(static, "shared")] = True
    return mask


def interactions_of(static: pa.Table) -> InteractionBlock:
    """The interactions of a block from its static rows."""
    arrays = (decode(static, kind) for kind in ("indptr", "indices", "weights"))
    return InteractionBlock(*arrays)


def send_rows(
    static: pa.Table, rows: NDArray[np.float32], to: Side, origin: Address
) -> Iterator[pa.RecordBatch]:
    """Messages with the rows that each block of the other side needs, by the block's routes."""
    routes, counts = decode(static, "routes"), decode(static, "route_counts")
    ends = np.cumsum(counts)
    for block, (start, end) in enumerate(zip(ends - counts, ends, strict=True)):
        if end > start:
            message = {"message": rows[routes[start:end]]}
            yield from encode(to.address(origin.domain, block), message, source=origin.block)


def received_rows(static: pa.Table, messages: pa.Table, rank: int) -> NDArray[np.float32]:
    """Source rows of a block, float32 (n_received, rank), in the order of its column indexes."""
    rows = decode_matrix(messages, "message", rank, domain=address_of(static).domain)
    expected = int(decode(static, "column_counts").sum())
    if len(rows) != expected:
        raise ValueError(
            f"block {address_of(static)}: {len(rows)} rows received, {expected} expected"
        )
    return rows
