"""The best items for each user of a domain."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from cdimf_spark.arrow_schemas import arrow_schema
from cdimf_spark.distributed.blocks.block_ops import by_block
from cdimf_spark.distributed.blocks.block_rows import decode
from cdimf_spark.distributed.blocks.ragged import pack_texts, unpack_texts
from cdimf_spark.distributed.scoring.grid import (
    Arrays,
    FinishFunction,
    Grid,
    ScoreFunction,
    apply_to_cells,
    decode_all,
)
from cdimf_spark.distributed.scoring.item_rows import decode_group, item_ids
from cdimf_spark.distributed.scoring.scoring_tables import (
    ITEM_KINDS,
    ScoringTables,
    restrict,
)
from cdimf_spark.distributed.scoring.user_stage import LeftOut, listed_users, place_users
from cdimf_spark.distributed.workers import apply_to_cogroups
from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.kernel.ranking.scoring import best_items, find_sorted, unit_rows
from cdimf_spark.kernel.ranking.top_k import merge_columns
from cdimf_spark.schemas import RECOMMENDATIONS, USER_ID
from cdimf_spark.scoring.lengths import check_length
from cdimf_spark.scoring.sources import SOURCES

_SEEN = LeftOut()
_SCHEMA = arrow_schema(RECOMMENDATIONS)


def recommend(
    tables: ScoringTables,
    domain: str,
    requests: DataFrame | None = None,
    k: int = 10,
    n_requests: int | None = None,
    left_out: LeftOut = _SEEN,
    cosine: bool = False,
    grid: Grid | None = None,
) -> DataFrame:
    """List the k best items for each user.

    Among equal scores the item with the smaller key comes first. A list is shorter than k where
    fewer items are left. A user whom no domain knows gets what is popular: the score is the
    number of an item's interactions.

    Parameters
    ----------
    requests
        Distinct user_id; None: all users of the domain.
    n_requests
        How many they are, if that is known.
    left_out
        What the lists leave out; by default what the user has in train.
    cosine
        Score by the cosine instead of the dot product.
    grid
        For tests.

    Returns
    -------
    DataFrame
        ``RECOMMENDATIONS``, not yet computed, in any order. `source` says where the user's row
        comes from, see `SOURCES`.

    Raises
    ------
    ConfigurationError
        If there is no such domain, or k is not between 1 and the size of its catalogue.
    """
    tables.check_domains([domain])
    check_length(k, tables.n_items(domain), domain)
    grid = grid or Grid.of(tables, {domain: n_requests or tables.n_users(domain)})
    users = listed_users(tables, grid, domain, requests, left_out)
    kinds = ITEM_KINDS if requests is not None else ("keys", "ids", "factors")
    step = make_top_step(tables.rank, k, requests is not None, cosine)
    items = grid.place_items(tables.items, kinds)
    return apply_to_cells(items, users, grid, step, make_finish(k), RECOMMENDATIONS)


def make_top_step(rank: int, k: int, with_counts: bool, cosine: bool) -> ScoreFunction:
    """Function of a cell: the k best of its items for each of its users.

    Parameters
    ----------
    with_counts
        Users have a further column, 1 for those whom nobody knows; it meets the number of each
        item's interactions.
    """

    def step(domain: str, number: int, item_rows: pa.Table, user_rows: pa.Table) -> Arrays:
        group, arrays = decode_group(item_rows, rank), decode_all(user_rows)
        users = arrays["factors"].reshape(-1, rank + with_counts)
        items = group.factors
        if cosine:
            users, items = unit_rows(users), unit_rows(items)
        if with_counts:
            items = np.column_stack([items, group.counts.astype(np.float32)])
        seen = group.find(Lists.of(arrays["seen_counts"], arrays["seen"]))
        top = best_items(users, items, group.keys, k, (seen.offsets, seen.values))
        ids = pa.chunked_array([*item_ids(item_rows).chunks, pa.array([""])])
        places = np.where(top.items < 0, len(items), top.items).reshape(-1)
        return {
            **{kind: arrays[kind] for kind in ("user_lengths", "user_bytes", "sources")},
            **pack_texts(ids.take(pa.array(places)), "item"),
            "top_keys": np.append(group.keys, 0)[top.items],
            "top_scores": top.scores,
        }

    return step


def make_finish(k: int) -> FinishFunction:
    """Function of the lists of all item groups of a part of the users to ``RECOMMENDATIONS``."""

    def finish(domain: str, partials: list[Arrays]) -> pa.Table:
        if not partials:
            return _SCHEMA.empty_table()
        keys, scores = (
            np.concatenate([part[kind].reshape(-1, k) for part in partials], axis=1)
            for kind in ("top_keys", "top_scores")
        )
        columns = merge_columns(keys, scores, k)
        best = np.take_along_axis(scores, columns, axis=1)
        user, position = np.nonzero(best > -np.inf)
        group, place = np.divmod(columns[user, position], k)
        ids = pa.chunked_array([unpack_texts(part, "item") for part in partials])
        items = ids.take(pa.array((group * len(keys) + user) * k + place))
        names = unpack_texts(partials[0], "user").take(pa.array(user))
        cells = {
            "user_id": names,
            "rank": (position + 1).astype(np.int32),
            "item_id": items,
            "score": best[user, position],
            "source": np.array(SOURCES, object)[partials[0]["sources"][user]],
        }
        return pa.table(cells, _SCHEMA)

    return finish


def unknown_users(tables: ScoringTables, domain: str, requests: DataFrame) -> DataFrame:
    """Requested users whom no domain knows: they get what is popular.

    Parameters
    ----------
    requests
        Distinct user_id.
    """
    known = tables.sources.domains_for(domain)

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        keys = np.unique(decode(static, "keys"))
        _, found = find_sorted(keys, moving.column("user_key").to_numpy())
        return moving.filter(pa.array(~found)).select([USER_ID])

    side = tables.layout.users
    static = restrict(tables.users, known, ("keys",))
    static = static.selectExpr("*", f"{side.block_key_expression()} AS bkey")
    left = by_block(static, side, "bkey")
    asked = requests.selectExpr("user_id", "CAST(NULL AS STRING) AS item_id")
    right = by_block(place_users(tables, asked), side)
    return apply_to_cogroups(left, right, step, "user_id string")
