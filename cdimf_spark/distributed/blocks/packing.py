"""Interactions to packed blocks, built once a training and kept in a table.

Each side gets its own copy of the interactions, blocked by its own keys. The loop reads the
blocks from that table and persists them, partitioned by group key: only messages are shuffled.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.block_rows import encode, kind_is, to_table
from cdimf_spark.distributed.blocks.indexing import (
    ITEM_KEY,
    USER_KEY,
    block_column,
    group_key_column,
    item_index,
    user_index,
)
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.training.half_step import cogroup_blocks
from cdimf_spark.distributed.training.routing import make_user_weights, reweigh
from cdimf_spark.distributed.workers import GroupFunction, apply_to_groups
from cdimf_spark.schemas import BLOCK_COLUMNS, BLOCK_ROW, DOMAIN, WEIGHT
from cdimf_spark.solver.packing import pack_block
from cdimf_spark.solver.rules import DomainSize

# Arrays that each step needs of its static blocks.
_SOLVE_KINDS = ("keys", "indptr", "indices", "weights", "column_counts")
ITEM_KINDS = (*_SOLVE_KINDS, "routes", "route_counts")
USER_SOLVE_KINDS = (*_SOLVE_KINDS, "shared")
USER_ROUTE_KINDS = ("keys", "shared", "routes", "route_counts")


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
    users = _pack(keyed, USER_KEY, ITEM_KEY, layout.users, layout.items.num_blocks, duplicates)
    items = _pack(keyed, ITEM_KEY, USER_KEY, layout.items, layout.users.num_blocks, duplicates)
    user_rows = users.unionByName(user_index(keyed, layout, coupled))
    item_rows = items.unionByName(item_index(keyed, layout))
    return user_rows.withColumn("side", F.lit("user")).unionByName(
        item_rows.withColumn("side", F.lit("item"))
    )


def _pack(
    keyed: DataFrame, key: str, other: str, side: Side, num_src_blocks: int, duplicates: str
) -> DataFrame:
    block = block_column(key, side.num_blocks)
    pairs = keyed.select(
        group_key_column(side, block).alias("pkey"),
        DOMAIN,
        block.alias("block"),
        F.col(key).alias("row_key"),
        F.col(other).alias("column_key"),
        WEIGHT,
    )
    packer = make_packer(side, num_src_blocks, duplicates)
    grouped = pairs.repartition(side.num_blocks, "pkey").groupBy("pkey")
    return apply_to_groups(grouped, packer, BLOCK_ROW)


def make_packer(side: Side, num_src_blocks: int, duplicates: str) -> GroupFunction:
    """Function of one block of one domain: its interactions to its packed rows."""

    def pack(table: pa.Table) -> pa.Table:
        domain, block = table.column(DOMAIN)[0].as_py(), table.column("block")[0].as_py()
        packed = pack_block(
            table.column("row_key").to_numpy(),
            table.column("column_key").to_numpy(),
            table.column(WEIGHT).to_numpy(),
            num_src_blocks,
            duplicates,
        )
        return to_table(encode(side.address(domain, block), vars(packed)))

    return pack


class StaticBlocks(NamedTuple):
    """Persisted static rows, partitioned and sorted by group key.

    Attributes
    ----------
    items, users
        What the half-steps need.
    user_routes
        What sending user rows needs (the item blocks hold their routes themselves).
    """

    items: DataFrame
    users: DataFrame
    user_routes: DataFrame

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
    routes = _persisted(rows_of(blocks, "user", USER_ROUTE_KINDS), layout.users)
    if shared_user_weight != 1:
        send = make_user_weights(shared_user_weight, layout.items)
        routes.count()
        weights = cogroup_blocks(routes, routes, layout.users, send)
        item_rows = cogroup_blocks(item_rows, weights, layout.items, reweigh)
    static = StaticBlocks(
        items=_persisted(item_rows, layout.items),
        users=_persisted(rows_of(blocks, "user", USER_SOLVE_KINDS), layout.users),
        user_routes=routes,
    )
    # The cache must be full before a step is planned: only then does Spark know that the blocks
    # are already where a cogroup wants them.
    with ThreadPoolExecutor() as pool:
        list(pool.map(DataFrame.count, static))
    return static


def rows_of(blocks: DataFrame, side: str, kinds: tuple[str, ...]) -> DataFrame:
    """Static rows of some kinds of one side, ``BLOCK_ROW``."""
    return blocks.where(f"side = '{side}' AND {kind_is(*kinds)}").select(*BLOCK_COLUMNS)


def _persisted(rows: DataFrame, side: Side) -> DataFrame:
    return rows.repartition(side.num_blocks, "pkey").sortWithinPartitions("pkey").persist()


class BlockSizes(NamedTuple):
    """Sizes of all domains, and the numbers of users and of items of each of their blocks."""

    domains: dict[str, DomainSize]
    users: dict[str, list[int]]
    items: dict[str, list[int]]


def block_sizes(static: StaticBlocks, layout: Layout) -> BlockSizes:
    """Sizes from the lengths of the packed arrays (no payload reaches Python)."""
    with ThreadPoolExecutor() as pool:
        users, items = pool.map(_array_lengths, (static.users, static.items))

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
