"""How the work is cut: every part of the requested users meets every group of items in one task.

A task (a *cell*) computes with whole matrices; what it emits is small. An item group is a run of
item blocks, as a rule all of them: then the cell finishes its users itself. With several groups
the cells emit partial results, and one more step, a group a part, puts them together. No result
depends on the cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_ops import by_block
from cdimf_spark.distributed.blocks.block_rows import (
    PART_BITS,
    Address,
    decode,
    encode,
    to_table,
)
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, restrict
from cdimf_spark.distributed.workers import apply_to_cogroups, apply_to_groups
from cdimf_spark.schemas import BLOCK_ROW

Arrays = dict[str, NDArray[Any]]
# Domain, number of the item group, item rows and user rows of a cell to arrays.
ScoreFunction = Callable[[str, int, pa.Table, pa.Table], Arrays]
# Arrays of all item groups to the result.
FinishFunction = Callable[[str, list[Arrays]], pa.Table]

_GROUP_BYTES = 64 << 20
_PART_BYTES = 64 << 20
# What a user costs besides their row: ids, seen items, tests.
_USER_BYTES = 512
# Fewer users are not worth another copy of the items.
_USERS_PER_PART = 1000


@dataclass(frozen=True)
class Cut:
    """How a domain is cut.

    Attributes
    ----------
    blocks_per_group
        Item blocks of a group.
    groups, parts
        Item groups, and parts of the users.
    first_cell, first_part
        Numbers of the domain's first cell and first part.
    """

    blocks_per_group: int
    groups: int
    parts: int
    first_cell: int = 0
    first_part: int = 0

    def cell(self, group: int, part: int) -> int:
        """Number of a cell."""
        return self.first_cell + group * self.parts + part


@dataclass(frozen=True)
class Grid:
    """The cells of some domains.

    Attributes
    ----------
    cuts
        By domain.
    chunks
        Chunks that the requested users of a user block are cut into.
    """

    cuts: Mapping[str, Cut]
    chunks: int

    @classmethod
    def of(cls, tables: ScoringTables, n_users: Mapping[str, int]) -> Grid:
        """As few cuts as memory allows, and enough to occupy the machine.

        Parameters
        ----------
        n_users
            By domain, how many users (or tests) there are at most.
        """
        tasks = _shuffle_partitions(tables)
        blocks, total = tables.layout.items.num_blocks, max(sum(n_users.values()), 1)
        cuts = {}
        for domain, n in n_users.items():
            largest = max(tables.sizes.items[domain]) * (tables.rank + 1) * 4
            per_group = min(max(_GROUP_BYTES // max(largest, 1), 1), blocks)
            most = n * (4 * tables.rank + _USER_BYTES) / _PART_BYTES
            wanted = min(tasks * n / total, n / _USERS_PER_PART)
            parts = max(int(np.ceil(most)), round(wanted), 1)
            cuts[domain] = (per_group, parts)
        return cls.cut(tables, cuts)

    @classmethod
    def cut(cls, tables: ScoringTables, cuts: Mapping[str, tuple[int, int]]) -> Grid:
        """Grid of the given item blocks of a group and parts of the users, by domain."""
        made, cell, part = {}, 0, 0
        for domain, (per_group, parts) in sorted(cuts.items()):
            groups = -(-tables.layout.items.num_blocks // per_group)
            made[domain] = Cut(per_group, groups, parts, cell, part)
            cell, part = cell + groups * parts, part + parts
        most = max(one.parts for one in made.values())
        return cls(made, -(-most // tables.layout.users.num_blocks))

    @property
    def domains(self) -> list[str]:
        """Names."""
        return list(self.cuts)

    @property
    def is_whole(self) -> bool:
        """Whether every cell has all items of its domain."""
        return all(cut.groups == 1 for cut in self.cuts.values())

    @property
    def cells(self) -> Side:
        """Where the cells lie."""
        return Side(("",), sum(cut.groups * cut.parts for cut in self.cuts.values()))

    @property
    def parts(self) -> Side:
        """Where the results for the parts of the users are merged."""
        return Side(("",), sum(cut.parts for cut in self.cuts.values()))

    def chunks_of(self, block: int, n: int) -> Iterator[tuple[int, slice]]:
        """Numbers of the chunks of a user block, and which of its n requested users they are."""
        bounds = np.linspace(0, n, self.chunks + 1).astype(int)
        for i in range(self.chunks):
            yield block * self.chunks + i, slice(int(bounds[i]), int(bounds[i + 1]))

    def send(self, domain: str, chunk: int, arrays: Arrays) -> Iterator[pa.RecordBatch]:
        """Packed rows of a chunk of users for each of the cells that need it."""
        cut, keys = self.cuts[domain], self.cells.keys[0]
        for group in range(cut.groups):
            cell = cut.cell(group, chunk % cut.parts)
            yield from encode(Address(keys[cell], domain, cell), arrays, source=chunk)

    def part_of(self, domain: str, cell: int) -> tuple[int, Address]:
        """Item group of a cell, and where the results for its part of the users are merged."""
        cut = self.cuts[domain]
        group, part = divmod(cell - cut.first_cell, cut.parts)
        return group, Address(self.parts.keys[0][cut.first_part + part], domain, part)

    def place_items(self, items: DataFrame, kinds: tuple[str, ...]) -> DataFrame:
        """Item rows, copied to each of the cells that need them."""
        cells = " ".join(
            f"WHEN {domain!r} THEN sequence({first}, {first} + {cut.parts - 1})"
            for domain, cut in self.cuts.items()
            for first in [f"{cut.first_cell} + block div {cut.blocks_per_group} * {cut.parts}"]
        )
        keys = ", ".join(map(str, self.cells.keys[0]))
        rows = restrict(items, self.domains, kinds).selectExpr(
            f"explode(CASE domain {cells} END) AS cell",
            "domain",
            "block",
            "kind",
            "part",
            "payload",
        )
        return rows.selectExpr(
            f"get(array({keys}), int(cell)) AS pkey", "domain", "block", "kind", "part", "payload"
        )


def _shuffle_partitions(tables: ScoringTables) -> int:
    """Tasks of a shuffle; where the platform chooses them itself (``auto``), blocks of users."""
    setting = tables.users.sparkSession.conf.get("spark.sql.shuffle.partitions") or ""
    return int(setting) if setting.isdigit() else tables.layout.users.num_blocks


def apply_to_cells(
    items: DataFrame,
    users: DataFrame,
    grid: Grid,
    score: ScoreFunction,
    finish: FinishFunction,
    schema: str,
) -> DataFrame:
    """Score every part of the users with every item group.

    Parameters
    ----------
    items
        What `Grid.place_items` returned.
    users
        Rows that `Grid.send` made.
    score
        Called with the domain, the number of the item group, and the rows of a cell.
    finish
        Called with the domain and what `score` returned for each item group, in their order.
    schema
        Of what `finish` returns.
    """
    side, empty = grid.cells, finish(grid.domains[0], [])
    groups = by_block(items, side), by_block(users, side)

    def whole(item_rows: pa.Table, user_rows: pa.Table) -> pa.Table:
        if not user_rows.num_rows:
            return empty
        domain = user_rows.column("domain")[0].as_py()
        return finish(domain, [score(domain, 0, item_rows, user_rows)])

    def partial(item_rows: pa.Table, user_rows: pa.Table) -> pa.Table:
        if not user_rows.num_rows:
            return to_table([])
        domain, cell = (user_rows.column(name)[0].as_py() for name in ("domain", "block"))
        group, address = grid.part_of(domain, cell)
        found = score(domain, group, item_rows, user_rows)
        return to_table(encode(address, found, source=group))

    def merge(table: pa.Table) -> pa.Table:
        return finish(table.column("domain")[0].as_py(), decode_sources(table))

    if grid.is_whole:
        return apply_to_cogroups(*groups, whole, schema)
    found = apply_to_cogroups(*groups, partial, BLOCK_ROW)
    parts = by_block(found, grid.parts)
    return apply_to_groups(parts, merge, schema)


def decode_sources(table: pa.Table) -> list[Arrays]:
    """Arrays by kind, of each source of packed rows in its order."""
    sources = np.right_shift(table.column("part").to_numpy(), PART_BITS)
    return [decode_all(table.filter(pa.array(sources == one))) for one in np.unique(sources)]


def decode_all(table: pa.Table) -> Arrays:
    """Arrays by kind; those of several sources one after the other."""
    return {kind: decode(table, kind) for kind in set(table.column("kind").to_pylist())}
