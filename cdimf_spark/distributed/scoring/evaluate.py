"""Ranking metrics of held-out items.

Protocol: for each test row (user, item), draw `negatives` items of the domain's catalogue that are
not among that user's test items, and rank them with the target. Items that the user has in train
score last, ties count at half. HR, NDCG (at k) and MRR are means over the ranked test rows;
coverage is the share of the catalogue that appears in some of their first k places. With
``negatives="all"`` the rest of the catalogue is ranked instead of a draw.

The draw depends on the seed, the user and the item alone, and all sums are exact: the numbers are
the same however the work is cut. Ranks add up over the item blocks; the driver sees counts by
rank up to k, never a test row.
"""

from __future__ import annotations

from typing import Any, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.scoring.catalogue import Catalogue, count_items, numbered_items
from cdimf_spark.distributed.scoring.evaluation_summary import Found, summarize
from cdimf_spark.distributed.scoring.held_out import RANKED, TestSettings
from cdimf_spark.distributed.scoring.item_block import BEST
from cdimf_spark.distributed.scoring.ranking_step import make_rank_step
from cdimf_spark.distributed.scoring.recommend import check_length, check_positive, is_count
from cdimf_spark.distributed.scoring.scoring import Grid, merge_blocks, score_blocks
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, restrict
from cdimf_spark.distributed.scoring.user_rows import user_rows
from cdimf_spark.errors import DataError, ValueOutOfRangeError
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_ID, USER_ID

Negatives = int | Literal["all"]

RANKS = (
    "domain string, user_id string, source string, test int, state int, in_train boolean, "
    f"higher long, equal long, best {BEST}"
)


def evaluate(
    tables: ScoringTables,
    tests: DataFrame,
    domains: list[str],
    k: int = 10,
    negatives: Negatives = 999,
    seed: int = 0,
    grid: Grid | None = None,
) -> dict[str, Any]:
    """Evaluate on test rows.

    Parameters
    ----------
    tests
        domain, user_id, item_id (strings); a repeated row counts as often as it is there.
    domains
        The domains of `tests`.
    negatives
        Negatives for each test row, or "all".
    grid
        For tests.

    Returns
    -------
    dict
        ``{"k", "negatives", "seed", "domains": {name: metrics}}``, ready for JSON. Metrics are
        hr, ndcg, mrr, coverage; n_test counts the ranked rows, n_skipped the others, by reason in
        unknown_user and unknown_item; n_in_train the ranked rows whose item the user has in train
        (ranked last); sources the ranked rows by the origin of the user's row.

    Raises
    ------
    ConfigurationError
        If a domain is unknown, or k or negatives is out of range.
    DataError
        If the catalogue is too small to draw from, or no row can be ranked.
    """
    tables.check_domains(domains)
    check_lists(k, negatives, seed)
    catalogue = count_items(tables.items, domains)
    for domain in domains:
        check_length(k, catalogue, domain)
        _check_draw(catalogue, domain, negatives)
    grid = grid or Grid.of(tests.sparkSession, tables, catalogue)
    count = None if negatives == "all" else negatives
    ranks = rank_tests(tables, tests, catalogue, grid, k, count, seed)
    found = [Found(*row) for row in count_ranks(ranks, k).collect()]
    return {
        "k": k,
        "negatives": negatives,
        "seed": seed,
        "domains": {
            domain: summarize(domain, found, catalogue.n_items(domain), k) for domain in domains
        },
    }


def check_lists(k: object, negatives: object, seed: object) -> None:
    """Raise ValueOutOfRangeError for what cannot be used whatever the catalogue."""
    if negatives != "all" and not is_count(negatives):
        allowed = "a whole number from 1, or 'all'"
        raise ValueOutOfRangeError("negatives", negatives, allowed)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueOutOfRangeError("seed", seed, "a whole number")
    check_positive(k)
    if is_count(negatives) and is_count(k) and k > negatives + 1:
        allowed = f"at most {negatives + 1}: one more than the negatives ({negatives})"
        raise ValueOutOfRangeError("k", k, allowed)


def _check_draw(catalogue: Catalogue, domain: str, negatives: Negatives) -> None:
    """Refuse lists that cannot be drawn."""
    if negatives != "all" and catalogue.n_items(domain) <= negatives:
        raise DataError(
            f"domain {domain!r} has {catalogue.n_items(domain)} items, too few to draw "
            f"{negatives} negatives beside the target: use --negatives all (negatives='all') or "
            "a smaller number"
        )


def rank_tests(
    tables: ScoringTables,
    tests: DataFrame,
    catalogue: Catalogue,
    grid: Grid,
    k: int,
    negatives: int | None,
    seed: int,
) -> DataFrame:
    """Rank the target of every test row.

    Returns
    -------
    DataFrame
        domain, source, state (`RANKED` or why not), in_train, rank (double) and best, the first
        k of the list (``BEST``).
    """
    domains = list(grid.domains)
    targets = locate_targets(tests, restrict(tables.items, domains))
    settings = TestSettings({d: catalogue.slice_starts(d) for d in domains}, negatives)
    candidates = tables.candidates(tests.select(DOMAIN, USER_ID).distinct())
    users = user_rows(tables, domains, candidates, targets, settings)
    starts = {domain: catalogue.block_starts(domain, grid.item_blocks) for domain in domains}
    step = make_rank_step(k, starts, negatives, seed)
    parts = score_blocks(tables, users, grid, step, RANKS)
    merged = merge_blocks(
        parts,
        grid,
        k,
        by=[DOMAIN, USER_ID, "test"],
        same=["source", "state", "in_train"],
        sums=["higher", "equal"],
    )
    rank = 1 + F.col("higher") + F.col("equal") / 2
    return merged.select(DOMAIN, "source", "state", "in_train", rank.alias("rank"), "best")


def locate_targets(tests: DataFrame, items: DataFrame) -> DataFrame:
    """Test rows with the item's key, its place in the catalogue and its factors.

    Items are numbered by their ids alone: a sort should not move factors about. An item that is
    not in the catalogue has item_slice -1.
    """
    pairs = tests.select(DOMAIN, USER_ID, ITEM_ID)
    numbers = numbered_items(items.select(DOMAIN, ITEM_ID)).drop("item_key")
    keys = [DOMAIN, ITEM_ID]
    numbered = pairs.join(numbers, keys, "left")
    # Hash the test rows, which are narrow: a merge join would sort all factor rows.
    located = numbered.hint("shuffle_hash").join(items, keys, "left")
    return located.select(
        DOMAIN,
        USER_ID,
        F.xxhash64(ITEM_ID).alias("item_key"),
        F.coalesce("item_slice", F.lit(-1)).alias("item_slice"),
        F.coalesce("item_position", F.lit(0)).alias("item_position"),
        F.coalesce(FACTORS, F.array().cast("array<float>")).alias(FACTORS),
    )


def count_ranks(ranks: DataFrame, k: int) -> DataFrame:
    """Count the test rows by what the metrics need (the columns of `Found`).

    Rows and the items of their lists go through one aggregate, as rows with and without a state.
    """
    rank = F.when(F.col("state") == RANKED, F.col("rank"))
    null = F.lit(None)
    row = _part(F.col("state"), F.col("source"), F.col("in_train"), rank, null)
    items = F.transform("best", lambda item: _part(null, null, null, null, item["item_key"]))
    part = F.explode(F.concat(F.array(row), items)).alias("part")
    parts = ranks.select(DOMAIN, part).select(DOMAIN, "part.*")
    by = (DOMAIN, "state", "source", "in_train", F.when(F.col("rank") <= k, F.col("rank")))
    # A sum of decimals is exact, so it does not depend on the order.
    reciprocal = (1 / F.col("rank")).cast("decimal(38,18)")
    return parts.groupBy(*by).agg(
        F.count(F.lit(1)), F.sum(reciprocal), F.count_distinct("item_key")
    )


def _part(state: Column, source: Column, in_train: Column, rank: Column, item: Column) -> Column:
    return F.struct(
        state.cast("int").alias("state"),
        source.cast("string").alias("source"),
        in_train.cast("boolean").alias("in_train"),
        rank.cast("double").alias("rank"),
        item.cast("long").alias("item_key"),
    )
