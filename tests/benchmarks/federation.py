"""A round of two parties in two applications against an iteration of one application with both.

Run as `python -m tests.benchmarks.federation [--runs 1]`. The real warm pair, rank 192:

    one application    spark-submit --master local[2]; iterations 3 and later
    two parties        two spark-submit --master local[1] side by side, a folder as meeting place
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import yaml

from tests.benchmarks.data import WARM_PAIR, has_amazon
from tests.conftest import ROOT

RANK = 192
MAX_ITER = 8
_SECONDS = re.compile(r"iteration=(\d+)/\d+ .* seconds=([\d.]+)")


def submit(master: str, config: Path, heap: str) -> subprocess.Popen[str]:
    command = [
        *("spark-submit", "--master", master, "--driver-memory", heap),
        *("--properties-file", "conf/local.conf", "jobs/train_cdimf.py", "--config", str(config)),
    ]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def seconds_of(process: subprocess.Popen[str]) -> list[float]:
    """Seconds of the iterations from the third one on."""
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(said)
    found = {int(number): float(seconds) for number, seconds in _SECONDS.findall(said)}
    return [seconds for number, seconds in found.items() if number >= 3]


def one_application(folder: Path) -> list[float]:
    config = folder / "both.yaml"
    domains = {name: str(path) for name, path in WARM_PAIR.items()}
    options = {"rank": RANK, "max_iter": MAX_ITER, "domains": domains}
    config.write_text(yaml.safe_dump({**options, "output": str(folder / "both")}))
    return seconds_of(submit("local[2]", config, "4g"))


def two_parties(folder: Path) -> tuple[list[list[float]], float]:
    """Seconds of the rounds of each party, and bytes that one sends in a round."""
    (folder / "key").write_text("a key for a benchmark, long enough")
    terms = {"federation": "pair", "parties": sorted(WARM_PAIR), "rank": RANK}
    (folder / "terms.yaml").write_text(yaml.safe_dump(terms))
    processes = []
    for name, path in WARM_PAIR.items():
        federation = {
            "terms": str(folder / "terms.yaml"),
            "party": name,
            "meeting_place": str(folder / "place"),
            "key_file": str(folder / "key"),
        }
        options = {"max_iter": MAX_ITER, "domains": {name: str(path)}, "federation": federation}
        config = folder / f"{name}.yaml"
        config.write_text(yaml.safe_dump({**options, "output": str(folder / name)}))
        processes.append(submit("local[1]", config, "2g"))
    rounds = [seconds_of(process) for process in processes]
    party = min(WARM_PAIR)
    files = (folder / "place" / party / "exchange").rglob(f"round={MAX_ITER}/*.parquet")
    return rounds, sum(file.stat().st_size for file in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    if not has_amazon():
        raise SystemExit("the Amazon pairs are not there: set CDIMF_DATA to their folder")
    for run in range(given.runs):
        folder = Path(tempfile.mkdtemp())
        one = median(one_application(folder))
        rounds, sent = two_parties(folder)
        shutil.rmtree(folder)
        slowest = max(median(seconds) for seconds in rounds)
        print(
            f"run {run}: one application {one:.2f} s, two parties {slowest:.2f} s a round, "
            f"ratio {slowest / one:.2f}; {sent / 1e6:.2f} MB a round and party"
        )


if __name__ == "__main__":
    main()
