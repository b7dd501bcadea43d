"""What an iteration costs without any arithmetic: its bytes moved by Spark, and nothing else.

Run as `python -m tests.benchmarks.moving [--megabytes 45 50 170 17 114 29]`. Two jobs like those of
an iteration, on two cores, with as many bytes as 10 million interactions at rank 64 have:

    items   cached blocks, and the messages of the users -> as many bytes as item messages
    users   cached blocks, item messages, X + U and z -> messages, X + U, z and the other users' x

The functions in the Python workers only count what they got and return a buffer of zeros. So this
is a lower bound for every way to run the iteration as Arrow functions with its tables, whatever the
solver does: what is left of a real iteration above it is arithmetic, planning and Delta commits.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from cdimf_spark.distributed.session import build_session
from cdimf_spark.distributed.workers import CogroupFunction, apply_to_cogroups
from tests.benchmarks.submit import ROOT

_ROW = "pkey int, kind string, payload binary"
_PAYLOAD, _TASKS = 4_000_000, 2


def rows(pkey: int, kind: str, megabytes: float) -> list[pa.Table]:
    """Rows of zeros for one task."""
    whole, rest = divmod(int(1e6 * megabytes), _PAYLOAD)
    cells = [bytes(_PAYLOAD)] * whole + [bytes(rest)]
    keys = pa.array(np.full(len(cells), pkey, np.int32))
    kinds = pa.array([kind] * len(cells))
    return [pa.table({"pkey": keys, "kind": kinds, "payload": pa.array(cells, pa.binary())})]


def step(sizes: dict[str, float]) -> CogroupFunction:
    """Function of a block that returns so many megabytes of each kind, for both blocks."""

    def move(static: pa.Table, moving: pa.Table) -> pa.Table:
        received = static.nbytes + moving.nbytes
        assert received
        share = 1 / _TASKS
        parts = [
            part
            for kind, size in sizes.items()
            # State stays in its block; messages go to both.
            for pkey in range(_TASKS)
            for part in rows(pkey, kind, size * share * share)
        ]
        return pa.concat_tables(parts)

    return move


def cached(frame: DataFrame, megabytes: float) -> DataFrame:
    """Rows of zeros where their tasks will be."""

    def fill(table: pa.Table) -> pa.Table:
        return rows(table.column("pkey")[0].as_py(), "static", megabytes / _TASKS)[0]

    blocks = frame.repartition(_TASKS, "pkey").groupBy("pkey").applyInArrow(_plain(fill), _ROW)
    return blocks.repartition(_TASKS, "pkey").persist()


def _plain(function: Callable[[pa.Table], pa.Table]) -> Callable[[pa.Table], pa.Table]:
    """Spark takes annotations of a function for those of a UDF."""

    def call(table):  # type: ignore[no-untyped-def]
        return function(table)

    return call


def apply(static: DataFrame, moving: DataFrame, sizes: dict[str, float]) -> DataFrame:
    left, right = static.groupBy("pkey"), moving.repartition(_TASKS, "pkey").groupBy("pkey")
    found = apply_to_cogroups(left, right, step(sizes), _ROW).localCheckpoint(eager=False)
    found.where("kind = 'sums'").collect()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ("item blocks", "user blocks", "user messages", "item messages", "X + U and z", "x")
    parser.add_argument("--megabytes", type=float, nargs=6, default=[45, 50, 170, 17, 114, 29])
    parser.add_argument("--runs", type=int, default=8)
    given = parser.parse_args()
    sizes = dict(zip(names, given.megabytes, strict=True))
    spark = build_session("conf/local.conf", spark__master="local[2]")
    seeds = spark.range(_TASKS).selectExpr("int(id) AS pkey")
    items, users = (cached(seeds, sizes[f"{side} blocks"]) for side in ("item", "user"))
    state = {kind: sizes[kind] for kind in ("user messages", "X + U and z", "x")}
    moving = apply(users, users, state)
    seconds: dict[str, list[float]] = {"items": [], "users": []}
    for _ in range(given.runs):
        start = time.perf_counter()
        sent = apply(items, moving.where("kind = 'user messages'"), {"item messages": 17})
        seconds["items"].append(time.perf_counter() - start)
        start = time.perf_counter()
        coupled = moving.where("kind = 'X + U and z'")
        moving = apply(users, sent.union(coupled), state)
        seconds["users"].append(time.perf_counter() - start)
    for name, found in seconds.items():
        print(f"{name}: {median(found[2:]):.2f} s ({min(found[2:]):.2f}-{max(found[2:]):.2f})")
    total = [sum(pair) for pair in zip(*seconds.values(), strict=True)][2:]
    print(f"iteration: {median(total):.2f} s ({min(total):.2f}-{max(total):.2f})")
    spark.stop()


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
