"""Requested users against the catalogue, block by block.

Every part of the requested users meets every block of the items in a task of its own, which
computes with whole matrices; what it emits is small (the best items of each user, the counts
above a target). No (user, item) pair is ever a row, and a task holds one block and one part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.arrow_lists import Lists, offsets_of, read_lists, read_matrix
from cdimf_spark.distributed.catalogue import Catalogue, block_column
from cdimf_spark.distributed.indexing import group_key_column
from cdimf_spark.distributed.layout import Side
from cdimf_spark.distributed.scoring_tables import ScoringTables, restrict
from cdimf_spark.distributed.threads import single_blas_thread
from cdimf_spark.errors import NumericalError
from cdimf_spark.kernel.ranking import TopK
from cdimf_spark.kernel.scoring import find_sorted
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_ID, USER_ID

ScoreFunction = Callable[["ItemBlock", pa.Table], pa.Table]
Indexes = NDArray[np.int64]

# Best items as an array of structs: in their natural order they are in the order of the tie rule.
BEST = "array<struct<loss: float, item_key: long, item_id: string>>"
_BEST_FIELDS = (("loss", pa.float32()), ("item_key", pa.int64()), ("item_id", pa.string()))


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


@dataclass(frozen=True)
class ItemBlock:
    """Items of one block, by ascending key.

    Attributes
    ----------
    number
        Of the block, from 0.
    keys : int64 (n_items,)
    ids : string (n_items,)
    factors : float32 (n_items, rank)
    """

    number: int
    keys: Indexes
    ids: pa.ChunkedArray
    factors: NDArray[np.float32]

    @classmethod
    def of(cls, number: int, items: pa.Table) -> ItemBlock:
        """Block of item rows in any order.

        Raises
        ------
        NumericalError
            If a factor is not a finite number.
        """
        items = items.sort_by("item_key")
        factors = read_matrix(items.column(FACTORS))
        if not np.isfinite(factors).all():
            raise NumericalError("some item factors are not finite numbers: train the model again")
        return cls(number, items.column("item_key").to_numpy(), items.column(ITEM_ID), factors)

    def find(self, keys: Lists) -> Lists:
        """Row numbers of the items of each list that are in this block."""
        positions, found = find_sorted(self.keys, keys.values)
        return Lists(keys.offsets, positions).where(found)

    def best(self, top: TopK) -> pa.ListArray:
        """Lists of row numbers and scores as a column ``BEST``; empty places are left out."""
        there = top.scores > -np.inf
        rows, scores = top.items[there], top.scores[there]
        ids = self.ids.take(pa.array(rows)).combine_chunks() if len(rows) else pa.array([], "str")
        if isinstance(ids, pa.ChunkedArray):  # what combine_chunks returns differs by version
            ids = pa.concat_arrays(ids.chunks)
        values = [pa.array(-scores), pa.array(self.keys[rows]), ids]
        structs = pa.StructArray.from_arrays(values, names=[name for name, _ in _BEST_FIELDS])
        offsets = offsets_of(there.sum(axis=1)).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), structs)


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

    def call(left, right):  # type: ignore[no-untyped-def] # Spark 4.1.4 reads annotations of UDFs
        single_blas_thread()
        number = right.column("item_block")[0].as_py() if right.num_rows else 0
        # Without users there is nothing to do: an empty block will do.
        block = ItemBlock.of(number, left if right.num_rows else left.slice(0, 0))
        return function(block, right)

    sides = (
        frame.withColumn("pkey", grid.key()).repartition(grid.side.num_blocks, "pkey")
        for frame in (items, users)
    )
    item_groups, user_groups = (frame.groupBy("pkey") for frame in sides)
    return item_groups.cogroup(user_groups).applyInArrow(call, schema)


def _each(count: int) -> Column:
    """Every number below `count`, in a row of its own."""
    return F.explode(F.sequence(F.lit(0), F.lit(count - 1)))


def merge_best(column: str, k: int) -> Column:
    """Aggregate: the k best of the ``BEST`` lists of a group."""
    everything = F.flatten(F.collect_list(column))
    return F.slice(F.sort_array(everything), 1, k)


def user_batches(n_users: int, cells_per_user: int) -> list[slice]:
    """Parts of the users whose arrays of `cells_per_user` numbers fit into some 16 MB."""
    size = max(1, (1 << 22) // max(cells_per_user, 1))
    return [slice(start, start + size) for start in range(0, n_users, size)]


@dataclass(frozen=True)
class KnownUsers:
    """Users of a table ``USER_ROW`` that can be scored.

    Attributes
    ----------
    rows : int64 (n,)
        Their row numbers in the table.
    factors : float32 (n, rank)
    seen
        Row numbers in the item block of their seen items.
    """

    rows: Indexes
    factors: NDArray[np.float32]
    seen: Lists

    @classmethod
    def of(cls, block: ItemBlock, users: pa.Table) -> KnownUsers:
        """Users of a table, with their seen items of a block."""
        known = read_lists(users.column(FACTORS)).lengths > 0
        rows = np.flatnonzero(known)
        taken = users.filter(pa.array(known))
        factors = read_matrix(taken.column(FACTORS))
        if not np.isfinite(factors).all():
            raise NumericalError("some user factors are not finite numbers: train the model again")
        return cls(rows, factors, block.find(read_lists(taken.column("seen"))))

    def seen_of(self, batch: slice) -> tuple[Indexes, Indexes]:
        """Seen items of some of the users, as `top_k` wants them."""
        stop = min(batch.stop, len(self.rows))
        offsets = self.seen.offsets[batch.start : stop + 1]
        return offsets - offsets[0], self.seen.values[offsets[0] : offsets[-1]]


def name_users(users: pa.Table, rows: Indexes) -> dict[str, pa.ChunkedArray]:
    """Columns that say who a row is about: domain, user_id, source."""
    taken = users.select([DOMAIN, USER_ID, "source"]).take(pa.array(rows))
    return dict(zip(taken.column_names, taken.columns, strict=True))


def join_tops(tops: list[TopK], k: int) -> TopK:
    """Lists of several batches one below the other."""
    empty = TopK(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
    return TopK(*(np.concatenate(parts) for parts in zip(empty, *tops, strict=True)))
