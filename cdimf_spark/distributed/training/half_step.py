"""Block solves of cogrouped rows: what half-steps have in common, and that of the items.

A task gets the static rows of one block and the factor rows that the blocks of the other side
sent it. It solves the block's rows and emits, instead of the factors as such, what the next step
needs of them. The numpy work is done in Arrow functions because Spark has no native operation for
it; besides these steps that is so in packing and scoring only.

Everything that depends on the iteration (the eigenbasis of each domain's Gram matrix) travels in
the function's closure: it is rank^2 numbers a domain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_rows import (
    Address,
    decode,
    decode_matrix,
    encode,
    to_table,
)
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.workers import CogroupFunction, apply_to_cogroups
from cdimf_spark.kernel.least_squares import GramBasis, gram
from cdimf_spark.schemas import BLOCK_ROW, DOMAIN
from cdimf_spark.solver.block import InteractionBlock, update_items
from cdimf_spark.solver.rules import DomainRules


@dataclass(frozen=True)
class StepSettings:
    """What both half-steps of all hosted domains need, besides the Gram matrices."""

    layout: Layout
    rank: int
    over_relaxation: float
    shared_user_weight: float
    rules: Mapping[str, DomainRules]


def cogroup_blocks(
    static: DataFrame, moving: DataFrame, side: Side, function: CogroupFunction, key: str = "pkey"
) -> DataFrame:
    """Apply a function to the static and the moving rows of each block of a side.

    The moving rows are shuffled; the static ones stay where `persist_blocks` put them. With the
    key `bkey` a group has the blocks of one number of all domains.
    """
    placed = moving.repartition(side.num_blocks, key)
    return apply_to_cogroups(static.groupBy(key), placed.groupBy(key), function, BLOCK_ROW)


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


def make_item_step(
    settings: StepSettings, bases: Mapping[str, GramBasis], publish: bool = False
) -> CogroupFunction:
    """Item half-step of a block.

    Emits messages to the user blocks, the block's part of the item Gram matrix and its
    regularization loss; with `publish` the item factors instead of the messages.
    """

    def step(static: pa.Table, messages: pa.Table) -> pa.Table:
        at = address_of(static)
        src = received_rows(static, messages, settings.rank)
        rule = settings.rules[at.domain].items
        factors, regularization = update_items(interactions_of(static), src, bases[at.domain], rule)
        if publish:
            return to_table(encode(at, {"factors": factors}))
        parts = {"gram": gram(factors), "item_sums": np.array([regularization])}
        messages_out = send_rows(static, factors, settings.layout.users, at)
        return to_table([*messages_out, *encode(at, parts)])

    return step
