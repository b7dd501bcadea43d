"""Memory with one item that a million users have, next to what the plan says.

Run as `python -m tests.benchmarks.skew [--users 1e6]`. One domain: every user has item 0, and
half as many interactions again are spread over 100,000 items at random. Rank 64, local[2],
3 iterations; largest resident sets.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cdimf_spark.configuration.sizing import plan
from tests.benchmarks.submit import ROOT, train

RANK, N_ITEMS = 64, 100_000


def write_interactions(n_users: int, path: Path) -> int:
    """Write the interactions; returns how many there are."""
    rng = np.random.default_rng(0)
    others = n_users // 2
    users = np.concatenate([np.arange(n_users), rng.integers(0, n_users, others)])
    items = np.concatenate([np.zeros(n_users, np.int64), rng.integers(1, N_ITEMS + 1, others)])
    pq.write_table(pa.table({"user_id": users, "item_id": items}), path)
    return users.size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=float, default=1e6)
    n_users = int(parser.parse_args().users)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "hot.parquet"
        n_interactions = write_interactions(n_users, path)
        training = train({"a": path}, Path(temporary) / "model", {"rank": RANK, "max_iter": 3})
    sizes = plan(n_users, N_ITEMS, n_interactions, 1, RANK, 2)
    rows = [("worker", sizes.worker, "python"), ("JVM", sizes.local_java, "java")]
    print(f"{'GB':>8}{'planned':>9}{'measured':>10}")
    for name, planned, process in rows:
        print(f"{name:>8}{planned / 1e9:9.2f}{training.memory[process] / 1e9:10.2f}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
