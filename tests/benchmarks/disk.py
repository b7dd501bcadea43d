"""What a long training keeps on the disk: the output folder while it runs.

Run as `python -m tests.benchmarks.disk [--max-iter 200]`. 200,000 interactions in three domains,
rank 32, options as shipped: rows of old iterations are deleted every 10 iterations, their files
every 50. Sizes in MB after the iterations named: everything, the working tables of the iterations
(exchange, consensus, state), and the logs of all tables.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

from tests.benchmarks.data import write_domains
from tests.benchmarks.submit import ROOT, train

_WORKING = ("exchange", "consensus", "state")


def recorded(output: Path) -> int:
    """Iterations that the log has: one commit each, after those of `started` and `packed`."""
    return max(0, len(list((output / "runs" / "_delta_log").glob("[0-9]*.json"))) - 2)


def megabytes(output: Path) -> tuple[float, float, float]:
    sizes = {}
    for path in output.rglob("*"):
        try:
            sizes[path.relative_to(output)] = path.stat().st_size / 1e6
        except OSError:  # Removed meanwhile.
            continue
    working = sum(n for path, n in sizes.items() if path.parts[0] in _WORKING)
    logs = sum(n for path, n in sizes.items() if "_delta_log" in path.parts)
    return sum(sizes.values()), working, logs


def watch(output: Path, every: int, seen: dict[int, tuple[float, float, float]]) -> None:
    """Look at the folder each time that so many iterations more are recorded."""
    while threading.main_thread().is_alive():
        number = recorded(output)
        if number and number // every > max(seen, default=0) // every:
            seen[number] = megabytes(output)
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-iter", type=int, default=200)
    parser.add_argument("--every", type=int, default=10)
    given = parser.parse_args()
    seen: dict[int, tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        output = folder / "model"
        threading.Thread(target=watch, args=(output, given.every, seen), daemon=True).start()
        train(write_domains(folder, 200_000), output, {"rank": 32, "max_iter": given.max_iter})
        seen[given.max_iter] = megabytes(output)
    print(f"{'iteration':>9}{'all':>9}{'working':>9}{'logs':>9}")
    for number, sizes in sorted(seen.items()):
        print(f"{number:9}" + "".join(f"{size:9.1f}" for size in sizes))


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
