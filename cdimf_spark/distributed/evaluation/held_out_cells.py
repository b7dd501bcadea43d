"""Test rows on their way to the cells: the item's number, then the user's row and their state.

First each row meets the block of its item (`locate_tests`), then that of its user
(`tested_users`); in both places it is found by key.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_ops import by_block
from cdimf_spark.distributed.blocks.block_rows import (
    Address,
    decode,
    decode_matrix,
    encode,
    to_table,
)
from cdimf_spark.distributed.blocks.indexing import place
from cdimf_spark.distributed.blocks.ragged import Lists
from cdimf_spark.distributed.scoring.grid import Grid
from cdimf_spark.distributed.scoring.scoring_tables import POPULAR, ScoringTables, restrict
from cdimf_spark.distributed.scoring.user_stage import cogroup_users, user_arrays
from cdimf_spark.distributed.scoring.users import find_users
from cdimf_spark.distributed.workers import apply_to_cogroups
from cdimf_spark.kernel.scoring import find_sorted
from cdimf_spark.schemas import BLOCK_ROW

Indexes = NDArray[np.int64]

# What a test row is: to be ranked, or why it is not.
RANKED, UNKNOWN_USER, UNKNOWN_ITEM = range(3)

# Columns of the kind `tests`: keys, number of the item in the catalogue (-1: it is not there), its
# interactions in train; and, once the user is known, the state and whether he has it in train.
USER_KEY, ITEM_KEY, NUMBER, POPULARITY, STATE, IN_TRAIN = range(6)
TEST_COLUMNS = 6
_LOCATED_COLUMNS = 4


def locate_tests(
    tables: ScoringTables, tests: DataFrame, domains: list[str], with_targets: bool
) -> DataFrame:
    """Packed test rows for the user blocks: kind `tests`, and `targets` with the item's factors.

    Parameters
    ----------
    tests
        domain, user_id, item_id.
    with_targets
        Whether a cell may lack the target's factors.
    """
    layout, sizes, rank = tables.layout, tables.sizes, tables.rank
    firsts = {domain: sizes.first_items(domain) for domain in domains}
    users = layout.users

    def locate(static: pa.Table, moving: pa.Table) -> pa.Table:
        if not moving.num_rows:
            return to_table([])
        domain, block = (moving.column(name)[0].as_py() for name in ("domain", "block"))
        user_keys, item_keys = (moving.column(f"{n}_key").to_numpy() for n in ("user", "item"))
        position, found = find_sorted(decode(static, "keys"), item_keys)
        number = np.where(found, firsts[domain][block] + position, -1)
        counts = np.append(np.diff(decode(static, "indptr")), 0)
        rows = np.column_stack([user_keys, item_keys, number, np.where(found, counts[position], 0)])
        arrays = {"tests": rows}
        if with_targets:
            factors = decode_matrix(static, "factors", rank)
            arrays["targets"] = np.zeros((len(rows), rank), np.float32)
            arrays["targets"][found] = factors[position[found]]
        to = users.placement.block_of(user_keys)
        batches: list[pa.RecordBatch] = []
        for other in np.unique(to):
            address = Address(users.keys[0][other], domain, int(other))
            mine = {kind: array[to == other] for kind, array in arrays.items()}
            batches.extend(encode(address, mine, source=block))
        return to_table(batches)

    side = layout.items
    keyed = tests.selectExpr(
        "domain", "xxhash64(user_id) AS user_key", "xxhash64(item_id) AS item_key"
    )
    placed = place(keyed, "item_key", side)
    names, keys = (", ".join(map(repr, values)) for values in (side.domains, side.flat_keys))
    position = f"(array_position(array({names}), domain) - 1) * {side.num_blocks} + block"
    moving = placed.selectExpr("*", f"get(array({keys}), int({position})) AS pkey")
    kinds = ("keys", "indptr", "factors") if with_targets else ("keys", "indptr")
    frames = (restrict(tables.items, domains, kinds), moving)
    left, right = (by_block(frame, side) for frame in frames)
    return apply_to_cogroups(left, right, locate, BLOCK_ROW)


def tested_users(tables: ScoringTables, grid: Grid, located: DataFrame) -> DataFrame:
    """Users with tests, for the cells: their rows, what they have seen, their tests.

    Parameters
    ----------
    located
        What `locate_tests` returned.
    """
    sources, rank = tables.sources, tables.rank

    def of_domain(static: pa.Table, mine: pa.Table, domain: str) -> Iterator[pa.RecordBatch]:
        located = decode_matrix(mine, "tests", _LOCATED_COLUMNS)
        order = np.lexsort((located[:, ITEM_KEY], located[:, USER_KEY]))
        located, targets = located[order], decode_matrix(mine, "targets", rank)
        targets = targets[order] if len(targets) else targets
        keys, user = np.unique(located[:, USER_KEY], return_inverse=True)
        users = find_users(static, domain, keys, sources, rank)
        states = _states(located[:, NUMBER], users.sources[user])
        in_train = _is_seen(users.seen, user, located[:, ITEM_KEY])
        rows = np.column_stack([located, states, in_train])
        for chunk, part in grid.chunks_of(mine.column("block")[0].as_py(), len(keys)):
            first, last = np.searchsorted(user, (part.start, part.stop))
            arrays = user_arrays(users.cut(part))
            arrays["is_shared"] = users.is_shared[part]
            arrays["test_counts"] = np.bincount(user, minlength=len(keys))[part]
            arrays["tests"], arrays["targets"] = rows[first:last], targets[first:last]
            yield from grid.send(domain, chunk, arrays)

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        batches: list[pa.RecordBatch] = []
        for domain in sorted(pc.unique(moving.column("domain")).to_pylist()):
            mine = moving.filter(pc.equal(moving.column("domain"), domain))
            batches.extend(of_domain(static, mine, domain))
        return to_table(batches)

    return cogroup_users(tables, grid.domains, located, step, sources)


def _states(number: Indexes, sources: Indexes) -> Indexes:
    """What each test row is, from the number of its item and the source of its user's row."""
    states = np.where(number >= 0, RANKED, UNKNOWN_ITEM)
    states[sources == POPULAR] = UNKNOWN_USER
    return states


def _is_seen(seen: Lists, user: Indexes, item_keys: Indexes) -> NDArray[np.bool_]:
    """Which pairs are among the seen ones, bool (n_pairs,)."""
    values, code = np.unique(seen.values, return_inverse=True)
    column, found = find_sorted(values, item_keys)
    n = len(values)
    pairs_seen: NDArray[np.bool_] = np.isin(user * n + column, seen.owners * n + code)
    return found & pairs_seen
