"""Requested users with all that scoring them needs: a factor row, seen items, test items.

A task has one block of users of one domain: the packed interactions of the training on the one
side, and on the other, mixed, the rows that could score a user (`ScoringTables.candidates`) and
the test items to rank for him. It emits a row for each requested user. The seen items are an
array of that row: no interaction is ever a row of its own.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks import indexing
from cdimf_spark.distributed.blocks.block_rows import decode
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.scoring.arrow_lists import Lists, offsets_of, read_matrix, write_lists
from cdimf_spark.distributed.scoring.held_out import TestSettings, held_out_columns
from cdimf_spark.distributed.scoring.scoring_tables import (
    SOURCES,
    ScoringTables,
    SeenItems,
    restrict,
)
from cdimf_spark.distributed.workers import CogroupFunction, apply_to_cogroups
from cdimf_spark.kernel.scoring import find_sorted
from cdimf_spark.schemas import BLOCK_COLUMNS, DOMAIN, FACTORS, USER_ID

Indexes = NDArray[np.int64]

# A requested user. `source` and `factors` are empty for an unknown one. The tests of a user are
# parallel arrays; a test item that the user has seen has score -inf.
USER_ROW = (
    "domain string, user_id string, user_key long, source string, factors array<float>, "
    "seen array<long>, test_keys array<long>, test_items array<long>, test_scores array<float>, "
    "test_states array<int>"
)
# The moving rows: candidates (priority >= 0) and tests (priority -1; factors are the item's).
_MOVING = {
    "user_id": "string",
    "priority": "int",
    "source_domain": "string",
    "item_key": "long",
    "item_slice": "int",
    "item_position": "long",
    "factors": "array<float>",
}


def user_rows(
    tables: ScoringTables,
    domains: list[str],
    candidates: DataFrame,
    tests: DataFrame | None = None,
    settings: TestSettings | None = None,
) -> DataFrame:
    """Rows of the requested users (``USER_ROW``).

    Parameters
    ----------
    domains
        The domains of the requests.
    candidates
        See `ScoringTables.candidates`.
    tests
        domain, user_id, item_key, item_slice (-1: not in the catalogue), item_position and the
        item's factors. Users with tests get a row even if they are unknown.
    """
    moving = _moving(candidates)
    if tests is not None:
        moving = moving.unionByName(_moving(tests.withColumn("priority", F.lit(-1))))
    seen = tables.seen
    placed = _place(moving, seen.side)
    wanted = F.col("kind").isin(*SeenItems.KINDS)
    static = restrict(seen.blocks, domains).where(wanted).select(*BLOCK_COLUMNS)
    static = static.repartition(seen.side.num_blocks, "pkey")
    step = make_user_step(settings)
    return apply_to_cogroups(static.groupBy("pkey"), placed.groupBy("pkey"), step, USER_ROW)


def _moving(rows: DataFrame) -> DataFrame:
    def column(name: str, kind: str) -> Column:
        if name in rows.columns:
            return F.col(name).cast(kind)
        empty = {"string": F.lit(""), "int": F.lit(0), "long": F.lit(0)}[kind]
        return empty.cast(kind).alias(name)

    return rows.select(DOMAIN, *(column(name, kind) for name, kind in _MOVING.items()))


def _place(moving: DataFrame, side: Side) -> DataFrame:
    keyed = moving.withColumn("user_key", F.xxhash64(USER_ID))
    in_blocks = indexing.place(keyed, "user_key", side)
    placed = in_blocks.withColumn("pkey", indexing.group_key_column(side, F.col("block")))
    return placed.repartition(side.num_blocks, "pkey")


def make_user_step(settings: TestSettings | None) -> CogroupFunction:
    """Function of one block of users: packed interactions and moving rows to ``USER_ROW``."""

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        return prepare_users(static, moving, settings)

    return step


def prepare_users(
    static: pa.Table, moving: pa.Table, settings: TestSettings | None = None
) -> pa.Table:
    """Rows of the requested users of a block, by ascending key."""
    # The shuffle delivers rows in any order.
    order = [("user_key", "ascending"), ("priority", "ascending"), ("source_domain", "ascending")]
    moving = moving.sort_by([*order, ("item_key", "ascending")])
    keys, first = np.unique(moving.column("user_key").to_numpy(), return_index=True)
    is_test = moving.column("priority").to_numpy() < 0
    priority, factors = _choose_rows(moving.filter(pa.array(~is_test)), keys)
    seen = _seen_lists(static, keys)
    tests = held_out_columns(
        moving.filter(pa.array(is_test)), keys, priority, factors, seen, settings
    )
    known = priority >= 0
    rank = factors.shape[1]
    return pa.table(
        {
            DOMAIN: moving.column(DOMAIN).take(first),
            USER_ID: moving.column(USER_ID).take(first),
            "user_key": keys,
            "source": pa.array(np.array([*SOURCES, ""], object)[priority], pa.string()),
            FACTORS: write_lists(Lists(offsets_of(known * rank), factors[known].reshape(-1))),
            "seen": write_lists(seen),
            **tests,
        }
    )


def _choose_rows(candidates: pa.Table, keys: Indexes) -> tuple[Indexes, NDArray[np.float32]]:
    """The row of each user: his best source; the mean where several other domains know him.

    Parameters
    ----------
    candidates
        Sorted by user, priority and domain.

    Returns
    -------
    priority : int64 (n_users,)
        -1 for an unknown user.
    factors : float32 (n_users, rank)
        Zero for an unknown user.
    """
    user, _ = find_sorted(keys, candidates.column("user_key").to_numpy())
    priorities = candidates.column("priority").to_numpy()
    rows = read_matrix(candidates.column(FACTORS))
    chosen = np.full(len(keys), len(SOURCES), np.int64)
    np.minimum.at(chosen, user, priorities)
    best = np.flatnonzero(priorities == chosen[user])
    factors = np.zeros((len(keys), rows.shape[1]), np.float32)
    if len(best):
        owners, starts, counts = np.unique(user[best], return_index=True, return_counts=True)
        sums = np.add.reduceat(rows[best].astype(np.float64), starts, axis=0)
        factors[owners] = sums / counts[:, None]
    chosen[chosen == len(SOURCES)] = -1
    return chosen, factors


def _seen_lists(static: pa.Table, keys: Indexes) -> Lists:
    """Keys of the items that each user has in train."""
    row, found = find_sorted(decode(static, "keys"), keys)
    lengths = np.zeros(len(keys), np.int64)
    if not found.any():
        return Lists(offsets_of(lengths), np.empty(0, np.int64))
    taken = Lists(decode(static, "indptr"), decode(static, "indices")).take(row[found])
    lengths[found] = taken.lengths
    return Lists(offsets_of(lengths), decode(static, "columns")[taken.values])
