"""Requested users, block by block, on their way to the cells that score them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_ops import by_block
from cdimf_spark.distributed.blocks.block_rows import decode, to_table
from cdimf_spark.distributed.blocks.indexing import place, unpack_ids
from cdimf_spark.distributed.blocks.ragged import pack_texts
from cdimf_spark.distributed.scoring.grid import Arrays, Grid
from cdimf_spark.distributed.scoring.scoring_tables import (
    USER_KINDS,
    ScoringTables,
    restrict,
)
from cdimf_spark.distributed.scoring.users import find_in_block
from cdimf_spark.distributed.workers import CogroupFunction, apply_to_cogroups
from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.schemas import BLOCK_ROW
from cdimf_spark.scoring.sources import POPULAR, Sources
from cdimf_spark.scoring.users import Users

# What is needed of a domain in which a user is not scored.
_ELSEWHERE = ("keys", "shared", "factors", "z")


@dataclass(frozen=True)
class LeftOut:
    """What a user's list leaves out.

    Attributes
    ----------
    seen
        What they have in train.
    itself
        The row with the user's own key: among users like them.
    pairs
        Further pairs (user_id, item_id).
    """

    seen: bool = True
    itself: bool = False
    pairs: DataFrame | None = None

    def lists(self, users: Users, keys: NDArray[np.int64], pairs: pa.Table) -> Lists:
        """Keys of the items that each user's list leaves out."""
        taken = [users.seen] if self.seen else []
        owners, values = [one.owners for one in taken], [one.values for one in taken]
        if self.itself:
            owners.append(np.arange(len(keys)))
            values.append(keys)
        row, found = find_sorted(keys, pairs.column("user_key").to_numpy())
        owners.append(row[found])
        values.append(pairs.column("item_key").to_numpy()[found])
        owner, value = np.concatenate(owners), np.concatenate(values)
        order = np.argsort(owner, kind="stable")
        return Lists.of(np.bincount(owner, minlength=len(keys)), value[order])


def listed_users(
    tables: ScoringTables,
    grid: Grid,
    domain: str,
    requests: DataFrame | None,
    left_out: LeftOut,
) -> DataFrame:
    """Users of a domain, for the cells.

    Parameters
    ----------
    requests
        Distinct user_id; a further column of their rows is then 1 for those nobody knows. None:
        all users of the domain; nothing of other domains is read.
    """
    everybody, rank = requests is None, tables.rank
    sources = Sources(frozenset()) if everybody else tables.sources
    rule = replace(left_out, pairs=None)

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        is_pair = moving.column("item_key").is_valid()
        asked, pairs = moving.filter(pc.invert(is_pair)).sort_by("user_key"), moving.filter(is_pair)
        keys, ids = asked.column("user_key").to_numpy(), asked.column("user_id")
        if everybody:
            keys, ids = decode(static, "keys"), unpack_ids(decode(static, "ids"))
        if not len(keys):
            return to_table([])
        found = find_in_block(static, domain, keys, sources, rank)
        found = found._replace(seen=rule.lists(found, keys, pairs))
        if not everybody:
            is_popular = (found.sources == POPULAR).astype(np.float32)
            found = found._replace(factors=np.column_stack([found.factors, is_popular]))
        block = (static if static.num_rows else moving).column("block")[0].as_py()
        return to_table(_named(grid, domain, block, found, ids))

    frames = [_no_users(tables)]
    if requests is not None:
        frames.append(requests.selectExpr("user_id", "CAST(NULL AS STRING) AS item_id"))
    if left_out.pairs is not None:
        frames.append(left_out.pairs.selectExpr("user_id", "item_id"))
    moving = place_users(tables, reduce(DataFrame.union, frames[1:] or frames))
    return cogroup_users(tables, [domain], moving, step, sources, with_ids=everybody)


def _no_users(tables: ScoringTables) -> DataFrame:
    return tables.users.sparkSession.createDataFrame([], "user_id string, item_id string")


def place_users(tables: ScoringTables, requests: DataFrame) -> DataFrame:
    """Users with their keys, their blocks, and the group keys of these.

    Parameters
    ----------
    requests
        user_id and item_id, which may be null: a pair has the item's key, too.
    """
    side = tables.layout.users
    keyed = requests.selectExpr(
        "user_id",
        "xxhash64(user_id) AS user_key",
        "IF(item_id IS NULL, NULL, xxhash64(item_id)) AS item_key",
    )
    placed = place(keyed, "user_key", side)
    return placed.selectExpr("*", f"{side.block_key_expression()} AS pkey")


def cogroup_users(
    tables: ScoringTables,
    domains: list[str],
    moving: DataFrame,
    step: CogroupFunction,
    sources: Sources,
    with_ids: bool = False,
) -> DataFrame:
    """Apply a function to each user block number of all domains that know something.

    Parameters
    ----------
    domains
        Where users are scored.
    moving
        Rows with the column `pkey`, see `Side.block_key_expression`.
    sources
        Which domains know something.
    """
    side, names = tables.layout.users, ", ".join(map(repr, domains))
    known = sorted({other for name in domains for other in sources.domains_for(name)})
    here = [kind for kind in USER_KINDS if kind != "ids" or with_ids]
    elsewhere = ", ".join(map(repr, _ELSEWHERE))
    rows = restrict(tables.users, known, here).where(
        f"domain IN ({names}) OR kind IN ({elsewhere})"
    )
    static = rows.selectExpr("*", f"{side.block_key_expression()} AS bkey")
    left, right = by_block(static, side, "bkey"), by_block(moving, side)
    return apply_to_cogroups(left, right, step, BLOCK_ROW)


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
