"""The published tables: factors with the ids that came in, and the history of the training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.blocks.indexing import unpack_ids
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.tables import OutputTables
from cdimf_spark.distributed.training.half_step import address_of, shared_mask
from cdimf_spark.distributed.training.iteration import Messages, Steps, UserState
from cdimf_spark.distributed.training.routing import scoring_rows
from cdimf_spark.distributed.training.runs import PUBLISHED, Run
from cdimf_spark.schemas import (
    BLOCK_COLUMNS,
    HISTORY,
    ITEM_FACTORS,
    ITEM_ID,
    SHARED_FACTORS,
    USER_FACTORS,
    USER_ID,
)

TableFunction = Callable[[pa.Table, pa.Table], pa.Table]


def publish(
    tables: OutputTables,
    run: Run,
    blocks: DataFrame,
    steps: Steps,
    state: UserState,
    messages: Messages,
) -> None:
    """Write the published tables of a finished run, each in one commit.

    Parameters
    ----------
    blocks
        All static rows of the run.
    state, messages
        What `Trainer.train` returned.
    """
    layout, rank = steps.settings.layout, steps.settings.rank
    items = item_factors(blocks, steps.item_factors(messages), layout, rank)
    tables.overwrite(items, "item_factors", ("domain",))
    users = user_factors(blocks, state, layout, rank)
    tables.overwrite(users, "user_factors", ("domain",))
    shared = shared_factors(blocks, state.z, layout, rank)
    tables.overwrite(shared, "shared_factors")
    history = tables.spark.createDataFrame(run.iterations, HISTORY).coalesce(1)
    tables.overwrite(history, "history")
    run.record(PUBLISHED, run.iteration)


def item_factors(blocks: DataFrame, factors: DataFrame, layout: Layout, rank: int) -> DataFrame:
    """``item_factors`` from packed rows of kind `factors`."""

    def name_rows(static: pa.Table, moving: pa.Table) -> pa.Table:
        return _named(static, ITEM_ID, decode_matrix(moving, "factors", rank))

    static = _static(blocks, "item", ("ids",))
    return _cogroup(static, factors, layout.items, name_rows, ITEM_FACTORS)


def user_factors(blocks: DataFrame, state: UserState, layout: Layout, rank: int) -> DataFrame:
    """``user_factors``: the rows that score the users of each domain."""
    use_z = state.use_z

    def name_rows(static: pa.Table, moving: pa.Table) -> pa.Table:
        return _named(static, USER_ID, scoring_rows(static, moving, rank, use_z))

    static = _static(blocks, "user", ("ids", "keys", "shared"))
    return _cogroup(static, state.rows(), layout.users, name_rows, USER_FACTORS)


def shared_factors(blocks: DataFrame, z: DataFrame | None, layout: Layout, rank: int) -> DataFrame:
    """``shared_factors``: z of every shared user, once."""
    static = _static(blocks, "user", ("ids", "keys", "shared"))
    rows = static if z is None else static.unionByName(z)
    block_keys = F.lit(layout.users.keys[0])
    placed = rows.withColumn("bkey", F.get(block_keys, F.col("block")))

    def merge(table):  # type: ignore[no-untyped-def] # Spark 4.1.4 reads annotations of UDFs
        return _merge_domains(table, rank)

    grouped = placed.repartition(layout.users.num_blocks, "bkey").groupBy("bkey")
    return grouped.applyInArrow(merge, SHARED_FACTORS)


def _static(blocks: DataFrame, side: str, kinds: tuple[str, ...]) -> DataFrame:
    wanted = (F.col("side") == side) & F.col("kind").isin(*kinds)
    return blocks.where(wanted).select(*BLOCK_COLUMNS)


def _cogroup(
    static: DataFrame, moving: DataFrame, side: Side, function: TableFunction, schema: str
) -> DataFrame:
    def call(left, right):  # type: ignore[no-untyped-def] # Spark 4.1.4 reads annotations of UDFs
        return function(left, right)

    left, right = (frame.repartition(side.num_blocks, "pkey") for frame in (static, moving))
    return left.groupBy("pkey").cogroup(right.groupBy("pkey")).applyInArrow(call, schema)


def _named(static: pa.Table, id_column: str, rows: NDArray[np.float32]) -> pa.Table:
    """Factor rows with their domain and ids."""
    ids = unpack_ids(decode(static, "ids"))
    domain = pa.array([address_of(static).domain] * len(ids), pa.string())
    return pa.table({"domain": domain, id_column: ids, "factors": factor_lists(rows)})


def factor_lists(rows: NDArray[np.float32]) -> pa.ListArray:
    """Rows of a float32 (n, rank) matrix as an Arrow array of lists, without copying."""
    offsets = pa.array(np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(rows).reshape(-1)))


def _merge_domains(table: pa.Table, rank: int) -> pa.Table:
    """Rows z of the shared users of one block number, each from the first domain that has him."""
    found: dict[str, list[Any]] = {"keys": [], "ids": [], "z": []}
    for domain in sorted(pc.unique(table.column("domain")).to_pylist()):
        own = table.filter(pc.equal(table.column("domain"), domain))
        shared = shared_mask(own)
        found["keys"].append(decode(own, "keys")[shared])
        found["ids"].append(unpack_ids(decode(own, "ids")).filter(pa.array(shared)))
        found["z"].append(decode_matrix(own, "z", rank))
    _, first = np.unique(np.concatenate(found["keys"]), return_index=True)
    ids = pa.chunked_array([c for ids in found["ids"] for c in ids.chunks], pa.string())
    rows = np.concatenate(found["z"])[first]
    return pa.table({USER_ID: ids.take(first), "factors": factor_lists(rows)})
