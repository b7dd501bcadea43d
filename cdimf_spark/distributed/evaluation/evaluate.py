"""Ranking metrics of held-out items.

Protocol: for each test row (user, item), draw `negatives` items of the domain's catalogue that are
not among that user's test items, and rank them with the target. Items that the user has in train
score last, ties count at half. HR, NDCG (at k) and MRR are means over the ranked test rows;
coverage is the share of the catalogue that appears in some of their first k places. With
``negatives="all"``, and in a domain that has too few items to draw from, the rest of the catalogue
is ranked instead of a draw.

Measures (of all rows and by group, at several k) are means over users instead, with 95 % intervals.
They agree with the above where each user has one test row. With several, their HR, NDCG and MRR are
the means of their rows, and MAP, precision and recall come from one list with all their held-out
items: see `kernel.ranking.user_metrics`. Rows of a group are measured as if the user had no others;
the items that they are ranked among are the same.

The draw depends on the seed, the user, the item and the order of the catalogue, which is a part of
the model; all sums are exact: the numbers are the same however the work is cut. Ranks add up over
the item groups; the driver sees counts by rank up to k and sums by group, never a test row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pyspark.sql import DataFrame

from cdimf_spark.distributed.evaluation.checked_tests import most_test_items
from cdimf_spark.distributed.evaluation.held_out_cells import locate_tests, tested_users
from cdimf_spark.distributed.evaluation.measures import stack_ranks, sum_ranks
from cdimf_spark.distributed.evaluation.ranking_step import make_finish, make_rank_step
from cdimf_spark.distributed.scoring.grid import Grid, apply_to_cells
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.evaluation.draws import Draws, choose_draws
from cdimf_spark.evaluation.evaluation_summary import Found
from cdimf_spark.evaluation.measures_summary import Measured
from cdimf_spark.evaluation.protocol import Lengths, Negatives, Protocol
from cdimf_spark.evaluation.result import evaluation_result
from cdimf_spark.schemas import RANKS


def evaluate(
    tables: ScoringTables,
    tests: DataFrame,
    n_tests: Mapping[str, int],
    k: Lengths = 10,
    negatives: Negatives = 999,
    seed: int = 0,
    by: Sequence[str] = (),
    grid: Grid | None = None,
) -> dict[str, Any]:
    """Evaluate on test rows.

    Parameters
    ----------
    tests
        domain, user_id, item_id (strings); a repeated row counts as often as it is there.
    n_tests
        How many there are, by domain.
    k
        Length of the list, or several lengths; the first is that of `domains` in the result.
    negatives
        Negatives for each test row, or "all". A domain with too few items to draw so many beside
        the test items of each user has all of its items ranked, and a warning says so.
    by
        Groupings of the measures: some of shared, history, popularity, source.
    grid
        For tests.

    Returns
    -------
    dict
        See `evaluation_result`.

    Raises
    ------
    ConfigurationError
        If a domain or a grouping is unknown, or k or negatives is out of range.
    DataError
        If no row of a domain can be ranked.
    """
    tables.check_domains(n_tests)
    protocol = Protocol.of(k, negatives, seed, by)
    protocol.check(tables, n_tests)
    draws = choose_draws(tables, n_tests, negatives, partial(most_test_items, tests))
    found, measured = rank_and_sum([tables], tests, n_tests, protocol, draws, grid)
    return evaluation_result(found, measured, tables, draws, protocol)


def rank_and_sum(
    models: Sequence[ScoringTables],
    tests: DataFrame,
    n_tests: Mapping[str, int],
    protocol: Protocol,
    draws: Draws,
    grid: Grid | None = None,
) -> tuple[list[Found], list[Measured]]:
    """Rank the same test rows by one or several models; count the ranks and sum the measures."""
    ks, seed = protocol.ks, protocol.seed
    ranks = stack_ranks(
        [
            rank_tests(tables, tests, grid or Grid.of(tables, n_tests), ks, draws, seed)
            for tables in models
        ]
    )
    return sum_ranks(ranks, len(models), models[0].layout.users.num_blocks, ks, protocol.by)


def rank_tests(
    tables: ScoringTables,
    tests: DataFrame,
    grid: Grid,
    ks: Sequence[int],
    draws: Draws,
    seed: int,
) -> DataFrame:
    """Rank the target of every test row.

    Returns
    -------
    DataFrame
        ``RANKS``: a row for each test with its state (`RANKED` or why not), rank, whether the
        user has the item in train, the number of their interactions in train and of the item's,
        the origin of their row and whether several domains have them; and rows of state null with
        bitmaps of the items that are among the first k of a list, for each k.
    """
    located = locate_tests(tables, tests, grid.domains, with_targets=not grid.is_whole)
    users = tested_users(tables, grid, located)
    items = grid.place_items(tables.items, ("keys", "factors"))
    step = make_rank_step(tables, grid, max(ks), draws, seed)
    return apply_to_cells(items, users, grid, step, make_finish(tables, ks), RANKS)
