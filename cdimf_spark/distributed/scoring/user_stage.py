"""Requested users, block by block, on their way to the cells that score them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_rows import decode, to_table
from cdimf_spark.distributed.blocks.indexing import unpack_ids
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.scoring.grid import Arrays, Grid
from cdimf_spark.distributed.scoring.lists import pack_texts
from cdimf_spark.distributed.scoring.scoring_tables import (
    POPULAR,
    USER_KINDS,
    ScoringTables,
    Sources,
    restrict,
)
from cdimf_spark.distributed.scoring.users import Users, find_users
from cdimf_spark.distributed.training.half_step import address_of
from cdimf_spark.distributed.workers import CogroupFunction, apply_to_cogroups, apply_to_groups
from cdimf_spark.schemas import BLOCK_ROW

# What is needed of a domain in which a user is not scored.
_ELSEWHERE = ("keys", "shared", "factors", "z")


def every_user(tables: ScoringTables, grid: Grid, domain: str) -> DataFrame:
    """All users of a domain, for the cells; nothing else is read."""
    alone, rank = Sources(frozenset()), tables.rank

    def step(static: pa.Table) -> pa.Table:
        keys, ids = decode(static, "keys"), unpack_ids(decode(static, "ids"))
        found = find_users(static, domain, keys, alone, rank)
        return to_table(_named(grid, domain, address_of(static).block, found, ids))

    side = tables.layout.users
    rows = restrict(tables.users, [domain], [kind for kind in USER_KINDS if kind != "z"])
    return apply_to_groups(
        rows.repartition(side.num_blocks, "pkey").groupBy("pkey"), step, BLOCK_ROW
    )


def requested_users(
    tables: ScoringTables, grid: Grid, domain: str, requests: DataFrame
) -> DataFrame:
    """Some users, for the cells; a further column of their rows is 1 for those nobody knows.

    Parameters
    ----------
    requests
        Distinct user_id.
    """
    sources, rank = tables.sources, tables.rank

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        if not moving.num_rows:
            return to_table([])
        moving = moving.sort_by("user_key")
        found = find_users(static, domain, moving.column("user_key").to_numpy(), sources, rank)
        is_popular = (found.sources == POPULAR).astype(np.float32)
        found = found._replace(factors=np.column_stack([found.factors, is_popular]))
        block = moving.column("block")[0].as_py()
        return to_table(_named(grid, domain, block, found, moving.column("user_id")))

    return cogroup_users(tables, [domain], place_users(tables, requests), step)


def place_users(tables: ScoringTables, requests: DataFrame) -> DataFrame:
    """Users with their keys, their blocks, and the group keys of these."""
    side = tables.layout.users
    keyed = requests.selectExpr("user_id", "xxhash64(user_id) AS user_key")
    placed = keyed.selectExpr("*", f"int(pmod(user_key, {side.num_blocks}L)) AS block")
    return placed.selectExpr("*", f"{side.block_key_expression()} AS pkey")


def cogroup_users(
    tables: ScoringTables, domains: list[str], moving: DataFrame, step: CogroupFunction
) -> DataFrame:
    """Apply a function to each user block number of all domains that know something.

    Parameters
    ----------
    domains
        Where users are scored.
    moving
        Rows with the column `pkey`, see `Side.block_key_expression`.
    """
    side, names = tables.layout.users, ", ".join(map(repr, domains))
    known = sorted({other for name in domains for other in tables.sources.domains_for(name)})
    here = [kind for kind in USER_KINDS if kind != "ids"]
    elsewhere = ", ".join(map(repr, _ELSEWHERE))
    rows = restrict(tables.users, known, here).where(
        f"domain IN ({names}) OR kind IN ({elsewhere})"
    )
    static = rows.selectExpr("*", f"{side.block_key_expression()} AS bkey")
    left, right = _placed(static, side, "bkey"), _placed(moving, side, "pkey")
    return apply_to_cogroups(left.groupBy("bkey"), right.groupBy("pkey"), step, BLOCK_ROW)


def _placed(frame: DataFrame, side: Side, key: str) -> DataFrame:
    return frame.repartition(side.num_blocks, key)


def _named(
    grid: Grid, domain: str, block: int, users: Users, ids: pa.ChunkedArray
) -> Iterator[pa.RecordBatch]:
    for chunk, rows in grid.chunks_of(block, len(users.sources)):
        texts = pack_texts(ids.slice(rows.start, rows.stop - rows.start), "user")
        yield from grid.send(domain, chunk, {**user_arrays(users.cut(rows)), **texts})


def user_arrays(users: Users) -> Arrays:
    """What a cell needs of the users: arrays that may follow one another."""
    arrays: dict[str, NDArray[np.generic]] = {
        "factors": users.factors,
        "sources": users.sources,
        "seen_counts": users.seen.lengths,
        "seen": users.seen.values,
    }
    return arrays
