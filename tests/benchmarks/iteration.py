"""A whole iteration on Spark, Delta commits included, against MLlib ALS and one machine.

Run as `python -m tests.benchmarks.iteration [--runs 3]`. The real warm pair, rank 192, local[2]:

    cdimf_spark    spark-submit of 12 iterations; iterations 3-12, and the whole
    train_local    the same on one machine without Spark, one thread
    MLlib ALS      implicit, the same rank, on the pooled data; two iterations less one
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.solver.local import train_local
from tests.benchmarks.data import WARM_PAIR, has_amazon, warm_pair
from tests.benchmarks.peers import mllib_iteration_seconds, peer_session, pool
from tests.benchmarks.submit import ROOT, Training, train

# The default options but for these; the shipped configurations have three times the rank.
RANK = 192
MAX_ITER = 12


def ours(runs: int) -> list[Training]:
    with tempfile.TemporaryDirectory() as folder:
        options = {"rank": RANK, "max_iter": MAX_ITER}
        return [train(WARM_PAIR, Path(folder) / "model", options) for _ in range(runs)]


def one_machine(runs: int) -> list[float]:
    """Seconds of an iteration: a training of 6 less one of 2."""
    domains = warm_pair()
    seconds = []
    with threadpool_limits(1):
        for run in range(runs + 1):
            both = []
            for n in (2, 6):
                model = ModelConfig(rank=RANK, max_iter=n)
                start = time.perf_counter()
                train_local(domains, model)
                both.append(time.perf_counter() - start)
            if run:
                seconds.append((both[1] - both[0]) / 4)
    return seconds


def mllib(runs: int) -> list[float]:
    spark = peer_session()
    domains = {
        name: spark.read.csv(str(path), sep="\t", schema="user_id int, item_id int")
        for name, path in WARM_PAIR.items()
    }
    try:
        return mllib_iteration_seconds(pool(domains), RANK, runs, 2)
    finally:
        spark.stop()


def row(name: str, seconds: list[float], peer: float) -> str:
    middle = median(seconds)
    return f"{name:24}{middle:10.2f}{np.ptp(seconds):10.2f}{middle / peer:12.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-mllib", action="store_true", help="leave the slow peer out")
    given = parser.parse_args()
    if not has_amazon():
        raise SystemExit("the Amazon pairs are not there: set CDIMF_DATA to their folder")
    trainings = ours(given.runs)
    iterations = [median(training.iterations[2:]) for training in trainings]
    local = one_machine(given.runs)
    peer = [] if given.no_mllib else mllib(max(1, given.runs // 3))
    against = median(peer) if peer else float("nan")
    print(f"{'seconds':24}{'median':>10}{'spread':>10}{'of MLlib':>12}")
    print(row("cdimf_spark, iteration", iterations, against))
    print(row("train_local, iteration", local, against))
    if peer:
        print(row("MLlib ALS, iteration", peer, against))
    print(row("cdimf_spark, whole", [t.whole for t in trainings], against))
    print(f"above train_local: {median(iterations) - median(local):.2f} s an iteration")
    print(f"processor seconds of a whole training: {median(t.cpu for t in trainings):.0f}")
    parts = [part for training in trainings for part in training.parts[2:]]
    for name in parts[0]:
        print(f"    of an iteration, {name:12}{median(part[name] for part in parts):8.2f}")


if __name__ == "__main__":
    import os

    os.chdir(ROOT)
    main()
