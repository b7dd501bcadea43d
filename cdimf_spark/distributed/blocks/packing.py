"""Interactions to packed blocks, built once a training and kept in a table.

Each side gets its own copy of the interactions, blocked by its own keys. The loop reads the
blocks from that table and persists them, partitioned by group key: only messages are shuffled.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.block_ops import cogroup_blocks
from cdimf_spark.distributed.blocks.block_rows import encode, kind_is
from cdimf_spark.distributed.blocks.indexing import (
    ITEM_BLOCK,
    ITEM_KEY,
    USER_BLOCK,
    USER_KEY,
    group_key_column,
    item_index,
    user_index,
    with_blocks,
)
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.blocks.user_weights import make_user_weights, reweigh
from cdimf_spark.distributed.workers import (
    PartitionFunction,
    apply_to_groups,
    apply_to_partitions,
)
from cdimf_spark.schemas import BLOCK_COLUMNS, BLOCK_ROW, DOMAIN, WEIGHT
from cdimf_spark.solver.packing import pack_block
from cdimf_spark.solver.rules import DomainSize

# Arrays that each step needs of its static blocks.
ITEM_KINDS = (
    *("keys", "indptr", "indices", "weights", "column_counts"),
    *("routes", "route_counts"),
)
USER_KINDS = (*ITEM_KINDS, "shared", "pseudonyms", "audiences")
SIZE_KINDS = ("indptr", "indices", "shared")


def build_blocks(
    keyed: DataFrame, layout: Layout, coupled: frozenset[str], duplicates: str
) -> DataFrame:
    """All static rows of a training: ``BLOCK_ROW`` and a column `side`.

    Parameters
    ----------
    keyed
        Interactions with keys (`with_keys`).
    coupled
        Domains that take part in the consensus.
    duplicates
        See `pack_block`.
    """
    placed = with_blocks(keyed, layout)
    of_users = placed.select(
        group_key_column(layout.users, F.col(USER_BLOCK)).alias("pkey"),
        F.col(USER_KEY).alias("row_key"),
        F.col(ITEM_KEY).alias("column_key"),
        WEIGHT,
    )
    of_items = placed.select(
        group_key_column(layout.items, F.col(ITEM_BLOCK)).alias("pkey"),
        F.col(ITEM_KEY).alias("row_key"),
        F.col(USER_KEY).alias("column_key"),
        WEIGHT,
    )
    users = _pack(of_users, layout.users, layout.items, duplicates)
    items = _pack(of_items, layout.items, layout.users, duplicates)
    user_rows = users.unionByName(user_index(placed, layout, coupled))
    item_rows = items.unionByName(item_index(placed, layout))
    return user_rows.withColumn("side", F.lit("user")).unionByName(
        item_rows.withColumn("side", F.lit("item"))
    )


def _pack(pairs: DataFrame, side: Side, other: Side, duplicates: str) -> DataFrame:
    """Packed rows of one side. Rows of a partition are split in Python: Spark would sort them."""
    partitioned = pairs.repartition(side.num_blocks, "pkey")
    return apply_to_partitions(partitioned, make_packer(side, other, duplicates), BLOCK_ROW)


def make_packer(side: Side, other: Side, duplicates: str) -> PartitionFunction:
    """Function of the interactions of some blocks (pkey, row_key, column_key, weight)."""

    def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        blocks = _by_block(batches)
        for pkey in sorted(blocks):
            # Out of the dict, so that the memory of one block is free for the next.
            parts = blocks.pop(pkey)
            rows, sources, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
            del parts
            packed = pack_block(rows, sources, weights, other.placement, duplicates)
            yield from encode(side.address_of(pkey), vars(packed))

    return pack


def _by_block(batches: Iterator[pa.RecordBatch]) -> dict[int, list[list[NDArray[Any]]]]:
    """Row keys, column keys and weights of each group key, a list of the three a batch.

    Split as they come: a task may have many domains, and their rows are there once only.
    """
    blocks: dict[int, list[list[NDArray[Any]]]] = {}
    for batch in batches:
        pkeys = batch.column("pkey").to_numpy()
        columns = [batch.column(c).to_numpy() for c in ("row_key", "column_key", WEIGHT)]
        for pkey in np.unique(pkeys):
            rows = pkeys == pkey
            blocks.setdefault(int(pkey), []).append([column[rows] for column in columns])
    return blocks


class StaticBlocks(NamedTuple):
    """Persisted static rows of both sides, partitioned and sorted by what they are grouped by.

    Attributes
    ----------
    items
        By `pkey`: a group is a block of a domain.
    users
        By `bkey`, a further column: a group has the blocks of one number of all domains.
    """

    items: DataFrame
    users: DataFrame

    def fill(self) -> None:
        """Put all rows into memory, one side after the other.

        Side by side, the tasks of one side would take what slots the other leaves: all blocks of a
        side may then come to lie on one executor, which does its half-step alone from then on.
        """
        for frame in self:
            frame.count()

    def unpersist(self) -> None:
        """Release the memory."""
        for frame in self:
            frame.unpersist()


def persist_blocks(
    blocks: DataFrame, layout: Layout, shared_user_weight: float = 1.0
) -> StaticBlocks:
    """Persist the static rows that the loop needs, and fill the cache.

    With a `shared_user_weight` other than 1 the item side's interactions of shared users get it
    as a factor, so that the item half-step needs no word of it.
    """
    item_rows = rows_of(blocks, "item", ITEM_KINDS)
    user_rows = rows_of(blocks, "user", USER_KINDS)
    by_number = user_rows.selectExpr("*", f"{layout.users.block_key_expression()} AS bkey")
    users = _persisted(by_number, layout.users, "bkey")
    if shared_user_weight != 1:
        send = make_user_weights(shared_user_weight, layout.items)
        users.count()
        weights = apply_to_groups(users.groupBy("bkey"), send, BLOCK_ROW)
        item_rows = cogroup_blocks(item_rows, weights, layout.items, reweigh)
    static = StaticBlocks(_persisted(item_rows, layout.items), users)
    # The cache must be full before a step is planned: only then does Spark know that the blocks
    # are already where a cogroup wants them.
    static.fill()
    return static


def rows_of(blocks: DataFrame, side: str, kinds: tuple[str, ...]) -> DataFrame:
    """Static rows of some kinds of one side, ``BLOCK_ROW``."""
    return blocks.where(f"side = '{side}' AND {kind_is(*kinds)}").select(*BLOCK_COLUMNS)


def _persisted(rows: DataFrame, side: Side, key: str = "pkey") -> DataFrame:
    return rows.repartition(side.num_blocks, key).sortWithinPartitions(key).persist()


class BlockSizes(NamedTuple):
    """Sizes of all domains, and the numbers of users and of items of each of their blocks."""

    domains: dict[str, DomainSize]
    users: dict[str, list[int]]
    items: dict[str, list[int]]


def block_sizes(user_rows: DataFrame, item_rows: DataFrame, layout: Layout) -> BlockSizes:
    """Sizes from the lengths of the packed arrays (no payload reaches Python).

    Parameters
    ----------
    user_rows, item_rows
        ``BLOCK_ROW`` of the two sides, of the kinds in `SIZE_KINDS` at least.
    """
    with ThreadPoolExecutor() as pool:
        users, items = pool.map(_array_lengths, (user_rows, item_rows))

    def by_block(rows: dict[int, Row], side: Side) -> list[int]:
        return [rows[b]["indptr"] - 1 if b in rows else 0 for b in range(side.num_blocks)]

    user_counts = {domain: by_block(rows, layout.users) for domain, rows in users.items()}
    item_counts = {domain: by_block(rows, layout.items) for domain, rows in items.items()}
    sizes = {
        domain: DomainSize(
            n_users=sum(user_counts[domain]),
            n_items=sum(item_counts[domain]),
            n_shared=sum(row["shared"] for row in rows.values()),
            n_interactions=sum(row["indices"] for row in rows.values()),
        )
        for domain, rows in users.items()
    }
    return BlockSizes(sizes, user_counts, item_counts)


def _array_lengths(frame: DataFrame) -> dict[str, dict[int, Row]]:
    """Lengths of the arrays of each block, by domain and number."""

    def total(kind: str, item_bytes: int) -> Column:
        length = F.when(F.col("kind") == kind, F.octet_length("payload")).otherwise(0)
        return (F.sum(length) / item_bytes).cast("long").alias(kind)

    totals = frame.groupBy(DOMAIN, "block").agg(
        total("indptr", 8), total("indices", 4), total("shared", 4)
    )
    found: dict[str, dict[int, Row]] = {}
    for row in totals.collect():
        found.setdefault(row[DOMAIN], {})[row["block"]] = row
    return found
