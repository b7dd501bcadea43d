"""The best items for each user of a domain."""

from __future__ import annotations

from typing import TypeGuard

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.scoring.catalogue import Catalogue, count_items
from cdimf_spark.distributed.scoring.item_block import (
    BEST,
    ItemBlock,
    KnownUsers,
    join_tops,
    name_users,
    user_batches,
)
from cdimf_spark.distributed.scoring.scoring import Grid, ScoreFunction, merge_blocks, score_blocks
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.distributed.scoring.user_rows import user_rows
from cdimf_spark.errors import ConfigurationError, ValueOutOfRangeError
from cdimf_spark.kernel.scoring import best_items
from cdimf_spark.schemas import DOMAIN, USER_ID

RECOMMENDATIONS = "user_id string, rank int, item_id string, score float, source string"


def recommend(
    tables: ScoringTables,
    domain: str,
    requests: DataFrame | None = None,
    k: int = 10,
    grid: Grid | None = None,
) -> DataFrame:
    """List the k best items for each user, without those that he has seen.

    Among equal scores the item with the smaller key comes first. A list is shorter than k where
    fewer items are left; users whom no domain knows have none (`unknown_users`).

    Parameters
    ----------
    requests
        Distinct user_id; None: all users of the domain.
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
    catalogue = count_items(tables.items, [domain])
    check_length(k, catalogue, domain)
    if requests is None:
        candidates = tables.own_rows(domain)
    else:
        candidates = tables.candidates(requests.select(F.lit(domain).alias(DOMAIN), USER_ID))
    users = user_rows(tables, [domain], candidates)
    grid = grid or Grid.of(users.sparkSession, tables, catalogue)
    schema = f"domain string, user_id string, source string, best {BEST}"
    parts = score_blocks(tables, users, grid, make_top_step(k), schema)
    merged = merge_blocks(parts, grid, k, by=[USER_ID], same=["source"])
    placed = merged.select(USER_ID, "source", F.posexplode("best").alias("position", "item"))
    return placed.select(
        USER_ID,
        (F.col("position") + 1).alias("rank"),
        "item.item_id",
        (-F.col("item.loss")).alias("score"),
        "source",
    )


def check_length(k: object, catalogue: Catalogue, domain: str) -> None:
    """Raise ValueOutOfRangeError for a k that is not between 1 and the number of items."""
    n_items = catalogue.n_items(domain)
    if not is_count(k) or k > n_items:
        allowed = f"a whole number from 1 to {n_items}, the number of items of domain {domain!r}"
        raise ValueOutOfRangeError("k", k, allowed)


def check_positive(k: object) -> None:
    """Raise ValueOutOfRangeError for a k that no catalogue allows."""
    if not is_count(k):
        raise ValueOutOfRangeError("k", k, "a whole number from 1")


def is_count(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def unknown_users(tables: ScoringTables, domain: str, requests: DataFrame) -> DataFrame:
    """Requested users whom no domain knows: they get no recommendations.

    Parameters
    ----------
    requests
        Distinct user_id.
    """
    asked = requests.select(F.lit(domain).alias(DOMAIN), USER_ID)
    known = tables.candidates(asked).select(USER_ID).distinct()
    return requests.join(known, USER_ID, "left_anti").select(USER_ID)


def make_top_step(k: int) -> ScoreFunction:
    """Function of an item block and user rows to the k best items of the block for each user."""

    def step(block: ItemBlock, users: pa.Table) -> pa.Table:
        known = KnownUsers.of(block, users)
        width = max(len(block.keys), (k + 16) * known.factors.shape[1])
        tops = [
            best_items(known.factors[batch], block.factors, k, known.seen_of(batch))
            for batch in user_batches(len(known.rows), width)
        ]
        best = block.best(join_tops(tops, k))
        return pa.table({**name_users(users, known.rows), "best": best})

    return step


def first_users(users: DataFrame, count: int = 5) -> list[str]:
    """The first ids in alphabetical order, to show them."""
    return [row[0] for row in users.select(USER_ID).distinct().orderBy(USER_ID).take(count)]


def write_recommendations(rows: DataFrame, path: str, form: str, overwrite: bool = False) -> None:
    """Write recommendations as Delta or Parquet.

    Raises
    ------
    ConfigurationError
        If there is something at the path and `overwrite` is not set.
    """
    writer = rows.write.format(form).mode("overwrite" if overwrite else "errorifexists")
    try:
        writer.save(path)
    except AnalysisException as error:
        if (error.getCondition() or "") in ("DELTA_PATH_EXISTS", "PATH_ALREADY_EXISTS"):
            raise ConfigurationError(
                f"output {path!r} exists: use --overwrite to replace it, or another path"
            ) from error
        raise
