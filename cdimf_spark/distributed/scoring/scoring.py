"""Requested users against the catalogue, block by block.

Every part of the requested users meets every block of the items in a task of its own, which
computes with whole matrices; what it emits is small (the best items of each user, the counts
above a target). No (user, item) pair is ever a row, and a task holds one block and one part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.indexing import group_key_column
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.scoring.catalogue import Catalogue, block_column
from cdimf_spark.distributed.scoring.item_block import ItemBlock
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, restrict
from cdimf_spark.distributed.workers import apply_to_cogroups
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_ID

ScoreFunction = Callable[[ItemBlock, pa.Table], pa.Table]
Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """How the users and the items of some domains are cut.

    Attributes
    ----------
    domains
        Names.
    item_blocks
        Ranges of item keys.
    user_parts
        Parts of the requested users.
    """

    domains: tuple[str, ...]
    item_blocks: int
    user_parts: int

    @classmethod
    def of(cls, spark: SparkSession, tables: ScoringTables, catalogue: Catalogue) -> Grid:
        """As few cuts as memory allows, and enough to occupy the machine.

        No result depends on them.
        """
        item_blocks = catalogue.num_blocks(tables.rank)
        tasks = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
        groups = item_blocks * len(catalogue.counts)
        user_parts = max(tables.seen.side.num_blocks, -(-tasks // groups))
        return cls(tuple(sorted(catalogue.counts)), item_blocks, user_parts)

    @property
    def side(self) -> Side:
        """A block for each pair of an item block and a part of the users."""
        return Side(self.domains, self.item_blocks * self.user_parts)

    def key(self) -> Column:
        """Group key from the columns domain, item_block and user_part."""
        cell = F.col("item_block") * self.user_parts + F.col("user_part")
        return group_key_column(self.side, cell)


def score_blocks(
    tables: ScoringTables, users: DataFrame, grid: Grid, function: ScoreFunction, schema: str
) -> DataFrame:
    """Apply a function to every pair of an item block and a part of the users.

    Parameters
    ----------
    users
        ``USER_ROW``.
    function
        Called with a block and user rows; returns a table of `schema`.
    """
    users = users.withColumn("user_part", F.pmod("user_key", F.lit(grid.user_parts)).cast("int"))
    users = users.withColumn("item_block", _each(grid.item_blocks))
    items = restrict(tables.items, grid.domains).select(
        DOMAIN, ITEM_ID, F.xxhash64(ITEM_ID).alias("item_key"), FACTORS
    )
    items = items.withColumn("item_block", block_column("item_key", grid.item_blocks))
    items = items.withColumn("user_part", _each(grid.user_parts))

    rank = tables.rank

    def call(left: pa.Table, right: pa.Table) -> pa.Table:
        number = right.column("item_block")[0].as_py() if right.num_rows else 0
        # Without users there is nothing to do: an empty block will do.
        block = ItemBlock.of(number, left if right.num_rows else left.slice(0, 0), rank)
        return function(block, right)

    sides = (
        frame.withColumn("pkey", grid.key()).repartition(grid.side.num_blocks, "pkey")
        for frame in (items, users)
    )
    item_groups, user_groups = (frame.groupBy("pkey") for frame in sides)
    return apply_to_cogroups(item_groups, user_groups, call, schema)


def _each(count: int) -> Column:
    """Every number below `count`, in a row of its own."""
    return F.explode(F.sequence(F.lit(0), F.lit(count - 1)))


def merge_blocks(
    parts: DataFrame,
    grid: Grid,
    k: int,
    *,
    by: Sequence[str],
    same: Sequence[str],
    sums: Sequence[str] = (),
) -> DataFrame:
    """One row out of those of all item blocks.

    Parameters
    ----------
    by
        Columns that say which rows belong together.
    same, sums
        Columns that are equal in them, and columns to add up.

    Returns
    -------
    DataFrame
        These columns and `best`, the k best of the ``BEST`` lists.
    """
    if grid.item_blocks == 1:
        lists = F.col("best")
        merged = parts.select(*by, *same, *sums, lists)
    else:
        lists = F.flatten("best")
        merged = parts.groupBy(*by).agg(
            *(F.first(name).alias(name) for name in same),
            *(F.sum(name).alias(name) for name in sums),
            F.collect_list("best").alias("best"),
        )
    return merged.withColumn("best", F.slice(F.sort_array(lists), 1, k))
