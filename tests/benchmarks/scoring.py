"""Top-10 lists of many users on one core, against `implicit` in batches.

Run as `python -m tests.benchmarks.scoring [--users 20000 --items 100000 --rank 64]`.

Random factors; every user has 20 items that are left out. The methods take turns, so that a busy
machine hurts both alike; the table gives users per second: the median and the range of the runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from cdimf_spark.kernel.ranking.scoring import best_items
from tests.benchmarks.kernel import interleaved

_SEEN = 20


class Problem:
    """Random factors and seen items."""

    def __init__(self, n_users: int, n_items: int, rank: int) -> None:
        rng = np.random.default_rng(0)
        self.users, self.items = (
            rng.standard_normal((n, rank), np.float32) for n in (n_users, n_items)
        )
        self.keys = rng.permutation(n_items)
        columns = np.sort(rng.integers(n_items, size=(n_users, _SEEN)), axis=1).reshape(-1)
        pointers = np.arange(0, len(columns) + 1, _SEEN)
        self.seen = sp.csr_matrix((np.ones(len(columns), np.float32), columns, pointers))
        self.seen.resize(n_users, n_items)
        self.peer = AlternatingLeastSquares(num_threads=1)
        self.peer.user_factors, self.peer.item_factors = self.users, self.items

    def ours(self, k: int) -> np.ndarray:
        """Lists as a task makes them."""
        seen = self.seen.indptr, self.seen.indices
        return best_items(self.users, self.items, self.keys, k, seen).items

    def theirs(self, k: int, size: int) -> np.ndarray:
        """implicit's lists, in batches of some users."""
        numbers = np.arange(len(self.users))
        batches = [numbers[start : start + size] for start in range(0, len(numbers), size)]
        return np.concatenate(
            [self.peer.recommend(batch, self.seen[batch], N=k)[0] for batch in batches]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--batches", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    problem = Problem(args.users, args.items, args.rank)
    methods: dict[str, Callable[[], object]] = {"cdimf_spark": partial(problem.ours, args.k)}
    for size in args.batches:
        methods[f"implicit, {size} at once"] = partial(problem.theirs, args.k, size)
    sample = Problem(200, args.items, args.rank)
    same = np.mean(sample.ours(args.k) == sample.theirs(args.k, 100))
    print(f"places of the lists with the same item: {100 * same:.2f} %")
    for name, seconds in interleaved(methods, args.runs).items():
        speed = args.users / seconds
        print(f"{name:26}{np.median(speed):10.0f} users/s  ({speed.min():.0f}-{speed.max():.0f})")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
