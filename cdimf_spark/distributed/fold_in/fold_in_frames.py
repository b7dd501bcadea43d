"""What a fold-in reads of a model: rows of the other side, and where users are pulled to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.blocks.list_columns import read_matrix
from cdimf_spark.distributed.fold_in.fold_in_step import FOREIGN, NO_PULL, OWN, SHARED
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.workers import apply_to_partitions
from cdimf_spark.kernel.rows.least_squares import gram
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_ID, USER_ID
from cdimf_spark.solver.rules import DomainRules

# Partial sums that the driver adds up.
_PARTIAL_SUMS = 64


@dataclass(frozen=True)
class FoldSide:
    """Whose rows are made: `name` (user or item) of `domain`.

    `row_id` and `source_id` are the id columns of the rows and of the other side, `blocks` is
    where the rows lie, and `coupled` tells whether the domain takes part in the consensus.
    """

    name: str
    domain: str
    row_id: str
    source_id: str
    blocks: Side
    coupled: bool

    @classmethod
    def of(cls, model: PublishedModel, domain: str, name: str) -> Self:
        """Side of a domain of a model."""
        users = name == "user"
        ids = (USER_ID, ITEM_ID) if users else (ITEM_ID, USER_ID)
        blocks = model.layout.users if users else model.layout.items
        return cls(name, domain, *ids, blocks, domain in model.tables.sources.aligned)


def source_rows(model: PublishedModel, side: FoldSide) -> DataFrame:
    """Rows of the other side: id, key, factors, source_weight (float)."""
    table = model.item_factors if side.name == "user" else model.user_factors
    rows = table.where(F.col(DOMAIN) == side.domain)
    weight = F.lit(1.0)
    heavier = model.config.model.shared_user_weight
    if side.name == "item" and side.coupled and heavier != 1:
        shared = model.shared_factors.select(USER_ID, F.lit(heavier).alias("heavier"))
        rows = rows.join(shared, USER_ID, "left")
        weight = F.coalesce("heavier", weight)
    return rows.select(
        F.col(side.source_id).alias("id"),
        F.xxhash64(side.source_id).alias("key"),
        FACTORS,
        weight.cast("float").alias("source_weight"),
    )


def source_gram(source: DataFrame, rank: int) -> NDArray[np.float64]:
    """Gram matrix of all rows of the other side, float64 (rank, rank), in one job.

    The driver gets at most `_PARTIAL_SUMS` matrices of rank x rank.
    """

    def gram_of(table: pa.Table) -> NDArray[np.float64]:
        return gram(read_matrix(table.column(FACTORS)), table.column(1).to_numpy())

    return _total(source.select(FACTORS, "source_weight"), gram_of, (rank, rank))


def user_prior(
    model: PublishedModel, domain: str, rules: DomainRules
) -> NDArray[np.float32] | None:
    """Where the ridge draws the users of a domain to; without the option there is no job."""
    if not rules.user_prior:
        return None

    def sum_of(table: pa.Table) -> NDArray[np.float64]:
        total: NDArray[np.float64] = read_matrix(table.column(FACTORS)).sum(0, dtype=np.float64)
        return total

    rows = model.user_factors.where(F.col(DOMAIN) == domain).select(FACTORS)
    return rules.prior_of(_total(rows, sum_of, (model.rank,)))


def _total(
    rows: DataFrame, part_of: Callable[[pa.Table], NDArray[np.float64]], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Add up an array that each part of some rows has."""

    def add_up(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        total = np.zeros(shape)
        for batch in batches:
            if batch.num_rows:
                total += part_of(pa.Table.from_batches([batch]))
        yield pa.RecordBatch.from_arrays([pa.array([total.tobytes()], pa.binary())], ["total"])

    parts = apply_to_partitions(rows.coalesce(_PARTIAL_SUMS), add_up, "total binary").collect()
    arrays = [np.frombuffer(row["total"], np.float64).reshape(shape) for row in parts]
    total: NDArray[np.float64] = np.sum(arrays, axis=0)
    return total


def pull_rows(model: PublishedModel, side: FoldSide, requests: DataFrame) -> DataFrame:
    """A row or more for each requested id, which say where it may be pulled to.

    Parameters
    ----------
    requests
        Distinct pkey, id, key.

    Returns
    -------
    DataFrame
        pkey, id, key, priority (see `fold_in_step`), factors (empty where there is no pull).
    """
    none = F.array().cast("array<float>")
    nothing = requests.withColumn("priority", F.lit(NO_PULL)).withColumn(FACTORS, none)
    if side.name == "item" or not side.coupled:
        return nothing
    shared = model.shared_factors.select(
        F.col(USER_ID).alias("id"), F.lit(SHARED).alias("priority"), FACTORS
    )
    here = F.col(DOMAIN) == side.domain
    others = F.col(DOMAIN).isin(list(model.tables.sources.aligned))
    known = model.user_factors.where(here | others).select(
        F.col(USER_ID).alias("id"),
        F.when(here, OWN).otherwise(FOREIGN).alias("priority"),
        F.when(here, none).otherwise(F.col(FACTORS)).alias(FACTORS),
    )
    # Hash the requests, which are few: a merge join would sort all factor rows.
    found = requests.hint("shuffle_hash").join(shared.unionByName(known), "id", "inner")
    return nothing.unionByName(found)
