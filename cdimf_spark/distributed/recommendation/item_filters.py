"""Lists of items that may, or must not, be recommended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_ops import address_of, by_block
from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix, encode, to_table
from cdimf_spark.distributed.blocks.indexing import pack_ids, place, unpack_ids
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.recommendation.recommend import unknown_users
from cdimf_spark.distributed.scoring.scoring_tables import (
    ITEM_KINDS,
    ScoringTables,
    Sizes,
    restrict,
)
from cdimf_spark.distributed.workers import apply_to_cogroups
from cdimf_spark.errors import DataError
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.schemas import BLOCK_ROW
from cdimf_spark.scoring.requests import report_unknown_items
from cdimf_spark.scoring.sources import Sources


def swapped(tables: ScoringTables) -> ScoringTables:
    """The same model with its items as users and its users as items.

    Packed rows of both sides are alike, so whatever is done for users can be done for items.
    """
    return replace(
        tables,
        users=tables.items,
        items=tables.users,
        layout=Layout(tables.layout.items, tables.layout.users),
        sizes=Sizes(tables.sizes.items, tables.sizes.users),
        sources=Sources(frozenset()),
    )


def keep_items(
    tables: ScoringTables, domain: str, allow: DataFrame | None, deny: DataFrame | None
) -> tuple[ScoringTables, int]:
    """The same model with only some of a domain's items to recommend, and how many these are.

    Parameters
    ----------
    allow, deny
        Distinct item_id; None: no such list.

    Raises
    ------
    DataError
        If the domain has none of the items of a list, or no item is left.
    """
    n_left = tables.n_items(domain)
    for name, listed in (("allow", allow), ("deny", deny)):
        if listed is not None:
            n_known = count_known(tables, domain, listed, f"list of items to {name}")
            n_left = n_known if name == "allow" else n_left - n_known
    if allow is not None and deny is not None:
        allow = allow.join(deny, "item_id", "left_anti")
        n_left = allow.count()
    listed = deny if allow is None else allow
    if listed is None:
        return tables, n_left
    if n_left <= 0:
        raise DataError(f"no item of domain {domain!r} is left: every one is denied")
    return replace(tables, items=_filtered(tables, domain, listed, allow is not None)), n_left


def count_known(tables: ScoringTables, domain: str, items: DataFrame, name: str) -> int:
    """Count the items of a list that a domain has; log how many it does not have.

    Raises
    ------
    DataError
        If it has none of them.
    """
    asked = items.selectExpr("item_id AS user_id")
    unknown = unknown_users(swapped(tables), domain, asked).selectExpr("count(1)", "min(user_id)")
    n, (n_unknown, first) = asked.count(), unknown.collect()[0]
    report_unknown_items(name, domain, n, n_unknown, first)
    return int(n - n_unknown)


def _filtered(tables: ScoringTables, domain: str, listed: DataFrame, keep: bool) -> DataFrame:
    """Packed rows of a domain's items with the listed ones alone, or without them."""
    side, rank = tables.layout.items, tables.rank

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        if not static.num_rows:
            return to_table([])
        keys, counts = decode(static, "keys"), np.diff(decode(static, "indptr"))
        row, found = find_sorted(keys, moving.column("item_key").to_numpy())
        is_listed = np.zeros(len(keys), np.bool_)
        is_listed[row[found]] = True
        kept = is_listed == keep
        arrays = {
            "keys": keys[kept],
            "ids": pack_ids(unpack_ids(decode(static, "ids")).filter(pa.array(kept))),
            "indptr": np.concatenate(([0], np.cumsum(counts[kept]))),
            "factors": decode_matrix(static, "factors", rank)[kept],
        }
        return to_table(encode(address_of(static), arrays))

    keys = ", ".join(map(str, side.keys[side.domains.index(domain)]))
    keyed = place(listed.selectExpr("xxhash64(item_id) AS item_key"), "item_key", side)
    moving = keyed.selectExpr("item_key", f"get(array({keys}), block) AS pkey")
    static = restrict(tables.items, [domain], ITEM_KINDS)
    left, right = (by_block(frame, side) for frame in (static, moving))
    return apply_to_cogroups(left, right, step, BLOCK_ROW)
