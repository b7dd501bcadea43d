"""How the work is cut, without a session."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.scoring.grid import Grid

N_USERS = 20_000


def tables_of(setting: str | None) -> Any:
    """What a grid needs to know of a model with six blocks of users."""
    session = SimpleNamespace(conf={"spark.sql.shuffle.partitions": setting})
    return SimpleNamespace(
        users=SimpleNamespace(sparkSession=session),
        layout=Layout.of(("sport",), 6, 2),
        sizes=SimpleNamespace(items={"sport": [100, 100]}),
        rank=8,
    )


@pytest.mark.parametrize(("setting", "parts"), [("10", 10), ("auto", 6), (None, 6), ("", 6)])
def test_where_the_number_of_shuffle_partitions_is_automatic_the_blocks_decide(
    setting: str | None, parts: int
) -> None:
    grid = Grid.of(tables_of(setting), {"sport": N_USERS})
    assert grid.cuts["sport"].parts == parts
