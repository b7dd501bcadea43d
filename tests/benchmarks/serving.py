"""Milliseconds to serve one user from an export: `python -m tests.benchmarks.serving`.

A made-up domain of 100,000 items and 100,000 users (a third of them shared) at ranks 64 and 192,
written as an export and opened again; medians over many users, each with other interactions.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.serving.exported_domain import ITEM_MARK, USER_MARK, domain_folder
from cdimf_spark.serving.manifest import DomainManifest, Manifest
from cdimf_spark.serving.row_files import Rows, RowWriter
from cdimf_spark.serving.serving_model import ServingModel
from cdimf_spark.solver.rules import DomainSize, domain_rules

N = 100_000
CALLS = 200


def write_table(folder: Path, name: str, ids: list[str], rank: int, mark: str | None) -> None:
    rng = np.random.default_rng(len(name))
    factors = rng.normal(0, 1 / np.sqrt(rank), (len(ids), rank)).astype(np.float32)
    marks = np.arange(len(ids)) % 3 == 0 if mark == USER_MARK else None
    rows = Rows.of(ids, factors, marks)
    writer = RowWriter(folder, name, len(ids), int(rows.id_lengths.sum()), rank, mark)
    writer.append(rows)
    writer.close()


def write_export(folder: Path, rank: int) -> None:
    at = domain_folder(folder, "shop")
    at.mkdir(parents=True)
    users, items = ([f"{letter}{n}" for n in range(N)] for letter in "ui")
    write_table(at, "items", items, rank, ITEM_MARK)
    write_table(at, "users", users, rank, USER_MARK)
    write_table(at, "exchanged", users[::3], rank, None)
    write_table(folder, "shared", users[::3], rank, None)
    settings = ModelConfig(rank=rank).for_domain(DomainConfig("shop", "x"))
    rules = domain_rules(settings, DomainSize(N, N, N // 3, 10 * N))
    Manifest(rank, "benchmark", {"shop": DomainManifest(rules, 1.0)}).write(folder)


def milliseconds(call: Callable[[int], object]) -> str:
    """Median and 95th percentile of `CALLS` calls."""
    times = []
    for number in range(CALLS):
        start = time.perf_counter()
        call(number)
        times.append(1000 * (time.perf_counter() - start))
    return f"{np.median(times):7.2f} {np.quantile(times, 0.95):7.2f}"


def measure(rank: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        write_export(Path(scratch), rank)
        start = time.perf_counter()
        model = ServingModel.open(scratch)
        opened = time.perf_counter() - start
        model.prepare("shop")
        prepared = time.perf_counter() - start - opened
        print(f"rank {rank}: open {1000 * opened:.1f} ms, prepare {1000 * prepared:.0f} ms")
        for length in (5, 20, 200, 2000):
            print(f"  {length:5d} interactions: {measure_calls(model, length)}")


def measure_calls(model: ServingModel, length: int) -> str:
    """Times of the calls with so many interactions."""
    rng = np.random.default_rng(length)
    baskets = [[f"i{n}" for n in rng.choice(N, length, replace=False)] for _ in range(CALLS)]
    fold = milliseconds(lambda n: model.fold_in("shop", baskets[n], user_id=f"u{n}"))
    why = milliseconds(lambda n: model.explain("shop", f"u{n}", "i7", baskets[n]))
    best = milliseconds(lambda n: model.recommend("shop", f"u{n}", 10, baskets[n]))
    return f"fold_in {fold}  explain {why}  recommend {best}"


if __name__ == "__main__":
    for chosen in map(int, sys.argv[1:] or (64, 192)):
        measure(chosen)
