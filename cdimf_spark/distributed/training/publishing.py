"""The published tables: factors with the ids that came in, and the history of the training."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_ops import address_of, by_block, shared_mask
from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix, encode, to_table
from cdimf_spark.distributed.blocks.indexing import unpack_ids
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.blocks.packing import BlockSizes, rows_of
from cdimf_spark.distributed.output.commits import Commits
from cdimf_spark.distributed.output.runs import PUBLISHED, Run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training.steps.iteration import Messages, Steps, UserState, cut
from cdimf_spark.distributed.training.steps.routing import scoring_rows
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.distributed.workers import apply_to_cogroups, apply_to_groups
from cdimf_spark.schemas import (
    BLOCK_ROW,
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
    sizes: BlockSizes,
) -> None:
    """Write the published tables of a finished run, each in one commit.

    Parameters
    ----------
    blocks
        All static rows of the run.
    state, messages
        What `Trainer.train` returned.
    sizes
        Recorded, so that a reader can number the items and cut the work without a job.
    """
    layout, rank = steps.settings.layout, steps.settings.rank
    # Computed once, by the first commit.
    items = cut(steps.item_factors(messages))
    users = cut(packed_users(blocks, state, layout, rank))
    packed = users.selectExpr("'user' AS side", "*").union(items.selectExpr("'item' AS side", "*"))
    history = tables.spark.createDataFrame(run.iterations, HISTORY).coalesce(1)
    named = {
        "item_factors": item_factors(blocks, items, layout, rank),
        "user_factors": user_factors(blocks, users, layout, rank),
    }
    with Commits() as commits:
        commits.add(
            [
                partial(WorkingTables(tables, run.run_id).write_factors, packed),
                partial(tables.overwrite, history, "history"),
            ]
        )
        commits.add(
            [
                *(partial(tables.overwrite, named[name], name, ("domain",)) for name in named),
                partial(
                    tables.overwrite, shared_factors(blocks, users, layout, rank), "shared_factors"
                ),
            ],
            partial(
                run.record, PUBLISHED, run.iteration, {"users": sizes.users, "items": sizes.items}
            ),
        )


def packed_users(blocks: DataFrame, state: UserState, layout: Layout, rank: int) -> DataFrame:
    """Packed rows of the users: `factors`, which score them in their domain, and maybe `z`.

    Kind `z`, the consensus of the shared users, is there only if it is not what scores them.
    """
    use_z = state.use_z

    def pack(static: pa.Table, moving: pa.Table) -> pa.Table:
        z, x_own = (decode_matrix(moving, kind, rank) for kind in ("z", "x_own"))
        coupled = z if use_z else decode_matrix(moving, "x_shared", rank)
        arrays = {"factors": scoring_rows(shared_mask(static), x_own, coupled)}
        if not use_z:
            arrays["z"] = z
        return to_table(encode(address_of(static), arrays))

    static = rows_of(blocks, "user", ("keys", "shared"))
    left, right = (by_block(frame, layout.users) for frame in (static, state.rows()))
    return apply_to_cogroups(left, right, pack, BLOCK_ROW)


def item_factors(blocks: DataFrame, items: DataFrame, layout: Layout, rank: int) -> DataFrame:
    """``item_factors`` from packed rows of kind `factors`."""
    rows = rows_of(blocks, "item", ("ids",)).union(items)
    return _name_rows(rows, layout.items, ITEM_ID, rank, ITEM_FACTORS)


def user_factors(blocks: DataFrame, users: DataFrame, layout: Layout, rank: int) -> DataFrame:
    """``user_factors`` from what `packed_users` returned."""
    rows = rows_of(blocks, "user", ("ids",)).union(users)
    return _name_rows(rows, layout.users, USER_ID, rank, USER_FACTORS)


def shared_factors(blocks: DataFrame, users: DataFrame, layout: Layout, rank: int) -> DataFrame:
    """``shared_factors``: z of every shared user, once."""
    rows = rows_of(blocks, "user", ("ids", "keys", "shared")).union(users)
    placed = rows.selectExpr("*", f"{layout.users.block_key_expression()} AS bkey")

    def merge(table: pa.Table) -> pa.Table:
        return _merge_domains(table, rank)

    grouped = by_block(placed, layout.users, "bkey")
    return apply_to_groups(grouped, merge, SHARED_FACTORS)


def _name_rows(rows: DataFrame, side: Side, id_column: str, rank: int, schema: str) -> DataFrame:
    def name(table: pa.Table) -> pa.Table:
        return _named(table, id_column, decode_matrix(table, "factors", rank))

    return apply_to_groups(by_block(rows, side), name, schema)


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
    """Rows z of the shared users of one block number, each from the first domain that has them."""
    found: dict[str, list[Any]] = {"keys": [], "ids": [], "z": []}
    for domain in sorted(pc.unique(table.column("domain")).to_pylist()):
        own = table.filter(pc.equal(table.column("domain"), domain))
        shared = shared_mask(own)
        found["keys"].append(decode(own, "keys")[shared])
        found["ids"].append(unpack_ids(decode(own, "ids")).filter(pa.array(shared)))
        z, factors = (decode_matrix(own, kind, rank) for kind in ("z", "factors"))
        found["z"].append(z if len(z) else factors[shared])
    _, first = np.unique(np.concatenate(found["keys"]), return_index=True)
    ids = pa.chunked_array([c for ids in found["ids"] for c in ids.chunks], pa.string())
    rows = np.concatenate(found["z"])[first]
    return pa.table({USER_ID: ids.take(first), "factors": factor_lists(rows)})
