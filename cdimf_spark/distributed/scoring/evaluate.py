"""Ranking metrics of held-out items.

Protocol: for each test row (user, item), draw `negatives` items of the domain's catalogue that are
not among that user's test items, and rank them with the target. Items that the user has in train
score last, ties count at half. HR, NDCG (at k) and MRR are means over the ranked test rows;
coverage is the share of the catalogue that appears in some of their first k places. With
``negatives="all"`` the rest of the catalogue is ranked instead of a draw.

The draw depends on the seed, the user, the item and the order of the catalogue, which is a part of
the model; all sums are exact: the numbers are the same however the work is cut. Ranks add up over
the item groups; the driver sees counts by rank up to k, never a test row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.scoring.evaluation_summary import Found, summarize
from cdimf_spark.distributed.scoring.grid import Grid, apply_to_cells
from cdimf_spark.distributed.scoring.held_out import RANKED, locate_tests, tested_users
from cdimf_spark.distributed.scoring.ranking_step import RANKS, make_finish, make_rank_step
from cdimf_spark.distributed.scoring.recommend import check_length, check_positive, is_count
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.errors import DataError, ValueOutOfRangeError

Negatives = int | Literal["all"]


def evaluate(
    tables: ScoringTables,
    tests: DataFrame,
    n_tests: Mapping[str, int],
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
    n_tests
        How many there are, by domain.
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
    tables.check_domains(n_tests)
    check_lists(k, negatives, seed)
    for domain in n_tests:
        check_length(k, tables.n_items(domain), domain)
        _check_draw(tables, domain, negatives)
    count = None if negatives == "all" else negatives
    ranks = rank_tests(tables, tests, grid or Grid.of(tables, n_tests), k, count, seed)
    found = [Found(*row) for row in count_ranks(ranks, k).collect()]
    return {
        "k": k,
        "negatives": negatives,
        "seed": seed,
        "domains": {
            domain: summarize(domain, found, tables.n_items(domain), k)
            for domain in sorted(n_tests)
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


def _check_draw(tables: ScoringTables, domain: str, negatives: Negatives) -> None:
    """Refuse lists that cannot be drawn."""
    n_items = tables.n_items(domain)
    if negatives != "all" and n_items <= negatives:
        raise DataError(
            f"domain {domain!r} has {n_items} items, too few to draw "
            f"{negatives} negatives beside the target: use --negatives all (negatives='all') or "
            "a smaller number"
        )


def rank_tests(
    tables: ScoringTables,
    tests: DataFrame,
    grid: Grid,
    k: int,
    negatives: int | None,
    seed: int,
) -> DataFrame:
    """Rank the target of every test row.

    Returns
    -------
    DataFrame
        ``RANKS``: a row for each test with its state (`RANKED` or why not), rank, whether the
        user has the item in train, the number of his interactions in train and of the item's,
        the origin of his row and whether several domains have him; and rows of state null with
        bitmaps of the items that are among the first k of a list.
    """
    located = locate_tests(tables, tests, grid.domains, with_targets=not grid.is_whole)
    users = tested_users(tables, grid, located, negatives)
    items = grid.place_items(tables.items, ("keys", "factors"))
    step = make_rank_step(tables, grid, k, negatives, seed)
    return apply_to_cells(items, users, grid, step, make_finish(tables, k), RANKS)


def count_ranks(ranks: DataFrame, k: int) -> DataFrame:
    """Count the test rows by what the metrics need (the columns of `Found`)."""
    # A sum of decimals is exact, so it does not depend on the order.
    rows = ranks.selectExpr(
        "domain",
        "state",
        f"IF(state = {RANKED}, source, NULL) AS source",
        "in_train",
        f"IF(rank <= {k}, rank, NULL) AS rank",
        "bucket",
        "CAST(1 / rank AS DECIMAL(38, 18)) AS reciprocal",
        "bitmap",
    )
    found = rows.groupBy("domain", "state", "source", "in_train", "rank", "bucket").agg(
        F.expr("count(1) AS n"),
        F.expr("sum(reciprocal) AS reciprocal"),
        F.expr("bitmap_count(bitmap_or_agg(bitmap)) AS n_items"),
    )
    return found.drop("bucket")
