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
from cdimf_spark.distributed.scoring.grid import Grid
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, restrict
from cdimf_spark.distributed.scoring.user_stage import cogroup_users, user_arrays
from cdimf_spark.distributed.scoring.users import find_in_block
from cdimf_spark.distributed.workers import apply_to_cogroups
from cdimf_spark.evaluation.test_rows import ITEM_KEY, USER_KEY, complete_rows
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.schemas import BLOCK_ROW

Indexes = NDArray[np.int64]

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
        users = find_in_block(static, domain, keys, sources, rank)
        rows = complete_rows(located, user, users)
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
