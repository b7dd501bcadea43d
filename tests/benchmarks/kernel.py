"""Time and error of the row solver against `implicit`, on one thread.

Run as `python -m tests.benchmarks.kernel [--quick]`.

Both half-steps of one iteration (Gram matrix and its eigenbasis included) from the same factors,
which come from three iterations of ALS. The methods take turns, so that a busy machine hurts all
of them alike; the table gives the median and the spread (largest - smallest) of the runs.

    ours     exact (max error: worst row of a sample with the longest rows, against float64)
    cg3      implicit's default, three conjugate-gradient steps: approximate
    exact    implicit with use_cg=False; only on the small shapes
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import implicit.cpu.als as peer
import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from cdimf_spark.kernel.initialization import initial_factors
from cdimf_spark.kernel.rows.least_squares import gram, gram_basis, row_ridge, solve_rows
from tests.benchmarks.data import clustered, has_amazon, warm_pair


@dataclass(frozen=True)
class Setting:
    """How the loss is weighted: `unobserved_weight` None is 12 * density (the default)."""

    name: str
    unobserved_weight: float | None
    reg_param: float
    item_exponent: float


SETTINGS = [Setting("default", None, 2.0, 0.5), Setting("a0=.3", 0.3, 0.003, 0.0)]


class Problem:
    """One domain at one rank: both sides' interactions and factors after three iterations."""

    def __init__(self, users: sp.csr_matrix, rank: int, setting: Setting) -> None:
        self.sides = [users, users.T.tocsr()]
        auto = 12 * users.nnz / (users.shape[0] * users.shape[1])
        self.a0 = setting.unobserved_weight or auto
        self.ridges = [
            self._ridge(side, exponent, setting.reg_param)
            for side, exponent in zip(self.sides, (0.0, setting.item_exponent), strict=True)
        ]
        self.factors = [
            initial_factors(np.arange(n), side, rank, 1.0) for side, n in enumerate(users.shape)
        ]
        for _ in range(3):
            self.factors = self.ours()

    def _ridge(self, side: sp.csr_matrix, exponent: float, reg_param: float) -> np.ndarray:
        counts = np.diff(side.indptr)
        mean = counts[counts > 0].mean()
        return row_ridge(
            np.maximum(counts, 1), side.shape[1], reg_param, exponent, self.a0, "relative", mean
        )

    def half_step(self, side: int, src: np.ndarray) -> np.ndarray:
        rows, basis = self.sides[side], gram_basis(gram(src))
        return solve_rows(
            rows.indptr, rows.indices, None, src, basis, self.a0, self.ridges[side]
        ).factors

    def ours(self) -> list[np.ndarray]:
        items = self.half_step(1, self.factors[0])
        return [self.half_step(0, items), items]

    @cached_property
    def confidences(self) -> list[sp.csr_matrix]:
        """implicit's form of the same problem: divided by a0, observed cells weigh 1 + 1/a0."""
        confidences = [side.astype(np.float64) for side in self.sides]
        for side in confidences:
            side.data[:] = 1 + 1 / self.a0
        return confidences

    def peer_step(self, solver: Callable[..., None]) -> list[np.ndarray]:
        users, items = (factors.copy() for factors in self.factors)
        # implicit has one ridge for all rows; with the mean it does the same work.
        ridges = [float(ridge.mean()) / self.a0 for ridge in self.ridges]
        solver(self.confidences[1], items, users, ridges[1], num_threads=1)
        solver(self.confidences[0], users, items, ridges[0], num_threads=1)
        return [users, items]

    def max_error(self, sample: int = 40) -> float:
        """Largest relative error of a row, of the longest rows and some others, in float64."""
        users, items = self.ours()
        worst = 0.0
        for side, src, solved in ((1, self.factors[0], items), (0, items, users)):
            counts = np.diff(self.sides[side].indptr)
            by_length = np.argsort(counts)
            spread = by_length[np.linspace(0, len(counts) - 1, sample).astype(int)]
            for u in np.unique(np.concatenate([by_length[-5:], spread])):
                exact = self._dense_row(side, u, src)
                norm = np.linalg.norm(exact)
                if norm > 0:
                    worst = max(worst, float(np.linalg.norm(solved[u] - exact) / norm))
        return worst

    def _dense_row(self, side: int, u: int, src: np.ndarray) -> np.ndarray:
        rows = self.sides[side]
        seen = src[rows.indices[rows.indptr[u] : rows.indptr[u + 1]]].astype(np.float64)
        lhs = self.a0 * gram(src) + seen.T @ seen + self.ridges[side][u] * np.eye(src.shape[1])
        return np.linalg.solve(lhs, seen.sum(axis=0))


def shapes(quick: bool) -> Iterator[tuple[str, list[sp.csr_matrix], bool]]:
    """Name, domains, and whether implicit's exact solver is worth the wait."""
    if has_amazon():
        yield "warm pair", [domain.interactions for domain in warm_pair().values()], True
    yield "6040 x 3706, 1M", [clustered(6040, 3706, 1_000_000)], True
    yield "100k x 20k, 2M", [clustered(100_000, 20_000, 2_000_000)], not quick
    if not quick:
        yield "300k x 50k, 10M", [clustered(300_000, 50_000, 10_000_000)], False


def interleaved(methods: dict[str, Callable[[], object]], runs: int) -> dict[str, np.ndarray]:
    """Seconds of each run of each method; the methods take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(runs):
        for name, method in methods.items():
            if name == "exact" and seconds[name]:
                continue
            start = time.perf_counter()
            method()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(times) for name, times in seconds.items()}


def measure(
    domains: list[sp.csr_matrix], rank: int, setting: Setting, exact: bool, runs: int
) -> tuple[dict[str, np.ndarray], float]:
    """Seconds of each method, and the largest relative error of a row of ours."""
    problems = [Problem(domain, rank, setting) for domain in domains]
    for problem in problems:
        _ = problem.confidences
    methods: dict[str, Callable[[], object]] = {
        "ours": lambda: [p.ours() for p in problems],
        "cg3": lambda: [p.peer_step(peer.AlternatingLeastSquares().solver) for p in problems],
    }
    if exact:
        solver = peer.AlternatingLeastSquares(use_cg=False).solver
        methods["exact"] = lambda: [p.peer_step(solver) for p in problems]
    return interleaved(methods, runs), max(p.max_error() for p in problems)


def table_row(seconds: dict[str, np.ndarray], error: float) -> str:
    ours, cg3 = np.median(seconds["ours"]), np.median(seconds["cg3"])
    times = f"{ours:10.3f}{np.ptp(seconds['ours']):10.3f}{cg3:10.3f}{np.ptp(seconds['cg3']):10.3f}"
    of_exact = f"{ours / seconds['exact'][0]:.2f}" if "exact" in seconds else "-"
    return f"{times}{ours / cg3:10.2f}{of_exact:>10}{error:10.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller shapes, fewer runs")
    parser.add_argument("--ranks", type=int, nargs="+", default=[64, 192])
    parser.add_argument("--only", default="", help="only shapes whose name contains this")
    parser.add_argument("--no-exact", action="store_true", help="skip implicit's exact solver")
    args = parser.parse_args()
    runs = 3 if args.quick else 5
    titles = ["ours s", "spread", "cg3 s", "spread", "of cg3", "of exact", "max error"]
    print(f"{'shape':18}{'rank':>5} {'setting':8}" + "".join(f"{title:>10}" for title in titles))
    for name, domains, exact in shapes(args.quick):
        for rank in args.ranks if args.only in name else []:
            for setting in SETTINGS:
                with_exact = exact and not args.no_exact and setting is SETTINGS[0]
                seconds, error = measure(domains, rank, setting, with_exact, runs)
                print(f"{name:18}{rank:5} {setting.name:8}" + table_row(seconds, error), flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
