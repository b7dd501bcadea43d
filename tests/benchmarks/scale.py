"""Growth with the data: time, memory and disk at 1M, 10M and 100M interactions.

Run as `python -m tests.benchmarks.scale [--sizes 1e6 1e7 1e8] [--mllib]`. Three overlapping
domains, rank 64, local[2]. MLlib's ALS, on the pooled data, is measured up to 10M.

    iteration    median of the iterations after the second
    per million  the same for a million interactions
    JVM, worker  largest resident set of the JVM and of one Python worker, GB
    together     most memory of all processes at once, GB (of MLlib's: its JVM alone)
    disk         the output folder when the training is finished, GB
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks.data import write_domains
from tests.benchmarks.peers import (
    largest_resident_set,
    mllib_iteration_seconds,
    peer_session,
    pool,
)
from tests.benchmarks.submit import ROOT, train

RANK = 64
_MOST_FOR_MLLIB = 10_000_000


def measure(
    nnz: int, folder: Path, options: dict[str, int | None], settings: dict[str, str]
) -> str:
    paths = write_domains(folder, nnz)
    output = folder / "model"
    options = {name: value for name, value in options.items() if value is not None}
    training = train(paths, output, options, settings=settings)
    seconds = median(training.iterations[2:])
    disk = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    cells = (
        f"{nnz / 1e6:8.0f}M{seconds:11.2f}{1e6 * seconds / nnz:13.3f}"
        f"{training.seconds_of('packed'):9.1f}{training.seconds_of('published'):11.1f}"
        f"{training.whole:9.1f}"
    )
    sizes = (*(training.memory[kind] for kind in ("java", "python", "together")), disk)
    return cells + "".join(f"{size / 1e9:9.2f}" for size in sizes)


def mllib(nnz: int, folder: Path) -> str:
    spark = peer_session()
    domains = {
        name: spark.read.parquet(str(path)) for name, path in write_domains(folder, nnz).items()
    }
    try:
        seconds = mllib_iteration_seconds(pool(domains), RANK, 1, 4)[0]
        memory = largest_resident_set(spark)
    finally:
        spark.stop()
    cells = f"{nnz / 1e6:8.0f}M{seconds:11.2f}{1e6 * seconds / nnz:13.3f}"
    return f"{cells}{'MLlib ALS, pooled data':>29}{memory / 1e9:9.2f}{memory / 1e9:18.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e6, 1e7, 1e8])
    parser.add_argument("--max-iter", type=int, default=6)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--driver-memory", default="4g", help="for 100M: 8g, better 12g")
    parser.add_argument("--num-item-blocks", type=int, help="for 100M on two cores: 2")
    parser.add_argument("--mllib", action="store_true")
    parser.add_argument("--folder", help="keeps the generated data (default: a temporary one)")
    given = parser.parse_args()
    titles = ("packing", "publishing", "whole", "JVM", "worker", "together", "disk")
    widths = (9, 11, 9, 9, 9, 9, 9)
    head = "".join(f"{title:>{width}}" for title, width in zip(titles, widths, strict=True))
    print(f"{'size':>9}{'iteration':>11}{'per million':>13}{head}")
    options = {
        "rank": RANK,
        "max_iter": given.max_iter,
        "num_item_blocks": given.num_item_blocks,
    }
    settings = {"spark.master": given.master, "spark.driver.memory": given.driver_memory}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary)
        for size in map(int, given.sizes):
            print(measure(size, folder, options, settings), flush=True)
            if given.mllib and size <= _MOST_FOR_MLLIB:
                print(mllib(size, folder), flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
