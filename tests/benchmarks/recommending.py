"""Top-10 lists for all users of a large domain, against `implicit` and MLlib in the same run.

Run as `python -m tests.benchmarks.recommending [--users 1e6 --items 1e5] [--no-large]`.

    large        jobs/recommend.py for 1M users x 100k items at rank 64, lists written as Parquet,
                 from the start of spark-submit; `implicit` recommends to samples of users of the
                 same shape, a process for each core at the same time, in batches of 1,000
    small        the same job for 400k users x 100k items, and MLlib's recommendForAllUsers on
                 factors of the same shape in a session of its own (its model is fitted before the
                 clock starts); both write Parquet

users/s/core divides by both cores for jobs, whole wall time. Both leave out nothing but what users
have seen (MLlib cannot).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from pyspark.ml.recommendation import ALS
from threadpoolctl import threadpool_limits

from tests.benchmarks.data import power_law
from tests.benchmarks.peers import peer_session
from tests.benchmarks.submit import ROOT, Job, run_job, train

RANK, K, CORES = 64, 10, 2
_SAMPLE = 20_000
# What MLlib does in five minutes.
_SMALL = (400_000, 100_000)


def write_interactions(path: Path, n_users: int, n_items: int) -> None:
    """Ten interactions a user on average, and one of each user."""
    parts = power_law(n_users, n_items, 9 * n_users, 0, 0)
    first = next(parts)
    with pq.ParquetWriter(path, first.schema) as writer:
        for part in (first, *parts):
            writer.write_table(part)
        every = np.arange(n_users)
        items = np.random.default_rng(1).integers(n_items, size=n_users)
        writer.write_table(type(first).from_arrays([every, items], schema=first.schema))


def ours(folder: Path, n_users: int, n_items: int) -> tuple[Job, int]:
    """A trained model, and the job; also how many lists it wrote."""
    data, model, lists = folder / "data.parquet", folder / "model", folder / "lists"
    write_interactions(data, n_users, n_items)
    train({"shop": data}, model, {"rank": RANK, "max_iter": 1})
    arguments = ["--model", str(model), "--domain", "shop", "--k", str(K)]
    arguments += ["--output", str(lists), "--format", "parquet"]
    job = run_job("recommend", arguments, {"spark.master": f"local[{CORES}]"})
    rows = pq.read_table(lists, columns=["user_id"]).num_rows
    return job, rows // K


def implicit_speed(n_users: int, n_items: int) -> float:
    """Users a second and core, with all cores at work."""
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        return float(np.mean(list(pool.map(implicit_alone, [n_users] * CORES, [n_items] * CORES))))


def implicit_alone(n_users: int, n_items: int) -> float:
    """Users a second in this process, of a sample of users with ten seen items each."""
    rng = np.random.default_rng(0)
    count = min(_SAMPLE, n_users)
    peer = AlternatingLeastSquares(num_threads=1)
    peer.user_factors = rng.standard_normal((count, RANK), np.float32)
    peer.item_factors = rng.standard_normal((n_items, RANK), np.float32)
    columns = rng.integers(n_items, size=10 * count)
    seen = sp.csr_matrix(
        (np.ones(len(columns), np.float32), columns, np.arange(0, len(columns) + 1, 10)),
        shape=(count, n_items),
    )
    start = time.perf_counter()
    with threadpool_limits(1):
        for first in range(0, count, 1000):
            rows = np.arange(first, min(first + 1000, count))
            peer.recommend(rows, seen[rows], N=K)
    return count / (time.perf_counter() - start)


def mllib_seconds(folder: Path) -> float:
    """Seconds of MLlib's recommendForAllUsers, written as Parquet."""
    spark = peer_session()
    try:
        pairs = spark.read.parquet(str(folder / "data.parquet"))
        ratings = pairs.selectExpr("int(user_id) user", "int(item_id) item", "float(1) rating")
        model = ALS(rank=RANK, maxIter=1, implicitPrefs=True, seed=0).fit(ratings.distinct())
        start = time.perf_counter()
        model.recommendForAllUsers(K).write.parquet(str(folder / "mllib"))
        return time.perf_counter() - start
    finally:
        spark.stop()


def line(name: str, users: int, seconds: float, cores: int, memory: dict[str, int]) -> str:
    sizes = "".join(f"{memory[kind] / 1e9:9.2f}" for kind in memory)
    return f"{name:32}{seconds:9.1f}{users / seconds / cores:14.0f}{sizes}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=float, default=1e6)
    parser.add_argument("--items", type=float, default=1e5)
    parser.add_argument("--no-large", action="store_true")
    given = parser.parse_args()
    print(f"{'':32}{'seconds':>9}{'users/s/core':>14}{'JVM, GB':>9}{'worker':>9}{'together':>9}")
    sizes = [] if given.no_large else [(int(given.users), int(given.items))]
    for n_users, n_items in [*sizes, _SMALL]:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            job, lists = ours(folder, n_users, n_items)
            print(f"{n_users} users x {n_items} items, {lists} lists")
            print(line("jobs/recommend.py", lists, job.whole, CORES, job.memory))
            speed = implicit_speed(n_users, n_items)
            print(f"{'implicit, a process a core':32}{'':9}{speed:14.0f}", flush=True)
            if (n_users, n_items) == _SMALL:
                seconds = mllib_seconds(folder)
                print(line("MLlib, recommendForAllUsers", n_users, seconds, CORES, {}), flush=True)


if __name__ == "__main__":
    import os

    os.chdir(ROOT)
    main()
