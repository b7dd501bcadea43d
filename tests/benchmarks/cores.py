"""Cores and executors: the same training on one core, on two, and on two executors of one core.

Run as `python -m tests.benchmarks.cores [--size 1e7] [--runs 3]`. Three overlapping domains,
rank 64. The variants take turns, so that a machine which becomes slower does so for all; a turn
of the four takes eight minutes at 10 million interactions.

    iteration    median of the runs' medians of the iterations after the second, seconds
    spread       largest minus smallest of the runs
    of local[2]  median over the turns of the iteration as a multiple of local[2]'s
    together     most memory of all processes at once, GB
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from cdimf_spark.distributed.session import read_properties
from tests.benchmarks.data import write_domains
from tests.benchmarks.submit import ROOT, Training, train

_LOCAL = read_properties(ROOT / "conf/local.conf")
_CLUSTER = read_properties(ROOT / "conf/cluster.conf")
# Two executors have together the heap that local[2] has, and its Java options; what makes the
# difference between one JVM and several is as on a cluster.
_EXECUTORS = {
    "spark.executor.memory": "2g",
    "spark.executor.extraJavaOptions": _LOCAL["spark.driver.extraJavaOptions"],
    "spark.locality.wait": _CLUSTER["spark.locality.wait"],
    "spark.cleaner.periodicGC.interval": _CLUSTER["spark.cleaner.periodicGC.interval"],
}
_REFERENCE = "local[2]"
_ONE_CORE = "local[1] on one core"
_TWO_EXECUTORS = "local-cluster[2,1,4096]"
_VARIANTS = (_REFERENCE, "local[1]", _ONE_CORE, _TWO_EXECUTORS)


@contextmanager
def _held_to_one_core() -> Iterator[None]:
    """What is started meanwhile has one core of this machine (Linux), as by `taskset`."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def measure(variant: str, paths: Mapping[str, Path], output: Path, max_iter: int) -> Training:
    options = {"rank": 64, "max_iter": max_iter}
    if variant == _ONE_CORE:
        with _held_to_one_core():
            return train(paths, output, options, "local[1]")
    settings = _EXECUTORS if variant == _TWO_EXECUTORS else {}
    return train(paths, output, options, variant, settings)


def report(runs: Mapping[str, list[Training]]) -> None:
    seconds = {name: [median(run.iterations[2:]) for run in of] for name, of in runs.items()}
    print(f"{'':24}{'iteration':>11}{'spread':>9}{'of local[2]':>13}{'together':>10}")
    for name, found in seconds.items():
        ratios = [mine / its for mine, its in zip(found, seconds[_REFERENCE], strict=True)]
        together = median(run.memory["together"] for run in runs[name])
        print(
            f"{name:24}{median(found):11.2f}{max(found) - min(found):9.2f}"
            f"{median(ratios):13.2f}{together / 1e9:10.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=float, default=1e7, help="interactions")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--max-iter", type=int, default=10)
    parser.add_argument("--folder", help="keeps the generated data (default: a temporary one)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary)
        paths = write_domains(folder, int(given.size))
        runs: dict[str, list[Training]] = {name: [] for name in _VARIANTS}
        for turn in range(given.runs):
            for name in _VARIANTS:
                runs[name].append(measure(name, paths, folder / "model", given.max_iter))
                seconds = median(runs[name][-1].iterations[2:])
                print(f"turn {turn + 1}: {name} {seconds:.2f}", flush=True)
    report(runs)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
