"""Ranks of test items in a cell: the Spark half of `evaluation.ranks`."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from cdimf_spark.distributed.scoring.grid import (
    Arrays,
    FinishFunction,
    Grid,
    ScoreFunction,
    decode_all,
)
from cdimf_spark.distributed.scoring.item_rows import decode_group
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.evaluation.draws import Draws
from cdimf_spark.evaluation.ranks import finish_ranks, rank_in_group


def make_rank_step(
    tables: ScoringTables, grid: Grid, k: int, draws: Draws, seed: int
) -> ScoreFunction:
    """Function of a cell: counts and lists of its tests against its items.

    Parameters
    ----------
    draws
        Negatives by domain; there are as many beside the test items of each user.
    """
    rank = tables.rank
    firsts = {domain: tables.sizes.first_items(domain) for domain in grid.domains}
    sizes = {domain: cut.blocks_per_group for domain, cut in grid.cuts.items()}

    def step(domain: str, number: int, item_rows: pa.Table, user_rows: pa.Table) -> Arrays:
        group, arrays = decode_group(item_rows, rank), decode_all(user_rows)
        first, n_items = firsts[domain][number * sizes[domain]], int(firsts[domain][-1])
        return rank_in_group(group, arrays, int(first), n_items, k, draws[domain], seed)

    return step


def make_finish(tables: ScoringTables, ks: Sequence[int]) -> FinishFunction:
    """Function of the results of all item groups of a part of the users to ``RANKS``."""
    sizes = {domain: tables.n_items(domain) for domain in tables.domains}

    def finish(domain: str, partials: list[Arrays]) -> pa.Table:
        return finish_ranks(domain, partials, ks, sizes[domain])

    return finish
