"""The published tables: factors with the ids that came in, and the history of the training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.blocks.indexing import unpack_ids
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.blocks.packing import rows_of
from cdimf_spark.distributed.tables import OutputTables
from cdimf_spark.distributed.training.commits import Commit, Commits
from cdimf_spark.distributed.training.half_step import address_of, shared_mask
from cdimf_spark.distributed.training.iteration import Messages, Steps, UserState
from cdimf_spark.distributed.training.routing import scoring_rows
from cdimf_spark.distributed.training.runs import PUBLISHED, Run
from cdimf_spark.distributed.workers import (
    CogroupFunction,
    apply_to_cogroups,
    apply_to_groups,
)
from cdimf_spark.schemas import (
    HISTORY,
    ITEM_FACTORS,
    ITEM_ID,
    SHARED_FACTORS,
    USER_FACTORS,
    USER_ID,
)


def publish(
    tables: OutputTables,
    run: Run,
    blocks: DataFrame,
    steps: Steps,
    state: UserState,
    messages: Messages,
    forgetting: Sequence[Commit] = (),
) -> None:
    """Write the published tables of a finished run, each in one commit.

    Parameters
    ----------
    blocks
        All static rows of the run.
    state, messages
        What `Trainer.train` returned.
    forgetting
        Commits to make beside those of the tables.
    """
    layout, rank = steps.settings.layout, steps.settings.rank
    items = item_factors(blocks, steps.item_factors(messages), layout, rank)
    users = user_factors(blocks, state, layout, rank)
    shared = shared_factors(blocks, state.z, layout, rank)
    history = tables.spark.createDataFrame(run.iterations, HISTORY).coalesce(1)
    with Commits() as commits:
        commits.add(
            [
                partial(tables.overwrite, items, "item_factors", ("domain",)),
                partial(tables.overwrite, users, "user_factors", ("domain",)),
                partial(tables.overwrite, shared, "shared_factors"),
                partial(tables.overwrite, history, "history"),
                *forgetting,
            ],
            partial(run.record, PUBLISHED, run.iteration),
        )


def item_factors(blocks: DataFrame, factors: DataFrame, layout: Layout, rank: int) -> DataFrame:
    """``item_factors`` from packed rows of kind `factors`."""

    def name_rows(static: pa.Table, moving: pa.Table) -> pa.Table:
        return _named(static, ITEM_ID, decode_matrix(moving, "factors", rank))

    static = rows_of(blocks, "item", ("ids",))
    return _cogroup(static, factors, layout.items, name_rows, ITEM_FACTORS)


def user_factors(blocks: DataFrame, state: UserState, layout: Layout, rank: int) -> DataFrame:
    """``user_factors``: the rows that score the users of each domain."""
    kind_of_shared = "z" if state.use_z else "x_shared"

    def name_rows(static: pa.Table, moving: pa.Table) -> pa.Table:
        coupled, own = (decode_matrix(moving, kind, rank) for kind in (kind_of_shared, "x_own"))
        return _named(static, USER_ID, scoring_rows(shared_mask(static), own, coupled))

    static = rows_of(blocks, "user", ("ids", "keys", "shared"))
    return _cogroup(static, state.rows(), layout.users, name_rows, USER_FACTORS)


def shared_factors(blocks: DataFrame, z: DataFrame | None, layout: Layout, rank: int) -> DataFrame:
    """``shared_factors``: z of every shared user, once."""
    static = rows_of(blocks, "user", ("ids", "keys", "shared"))
    rows = static if z is None else static.unionByName(z)
    placed = rows.selectExpr("*", f"{layout.users.block_key_expression()} AS bkey")

    def merge(table: pa.Table) -> pa.Table:
        return _merge_domains(table, rank)

    grouped = placed.repartition(layout.users.num_blocks, "bkey").groupBy("bkey")
    return apply_to_groups(grouped, merge, SHARED_FACTORS)


def _cogroup(
    static: DataFrame, moving: DataFrame, side: Side, function: CogroupFunction, schema: str
) -> DataFrame:
    left, right = (frame.repartition(side.num_blocks, "pkey") for frame in (static, moving))
    return apply_to_cogroups(left.groupBy("pkey"), right.groupBy("pkey"), function, schema)


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
