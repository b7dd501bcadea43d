"""Kill a training again and again, and go on with it: `python -m tests.faults.kill --kills 50`.

Every fifth process is started by spark-submit, the others are plain Python processes with the
session of conf/local.conf (their start is quicker, what is killed is the same: driver, JVM and
workers at once, by SIGKILL). Some kills come at random moments, the others at chosen points
(`points`). Every other training begins in the folder of an older model.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.faults.points import LOOP, PUBLISH, START, Point
from tests.faults.training import Job, Kill, Workshop

RANDOM = "at random moments"


def draw_round(rng: np.random.Generator) -> list[Point | None]:
    """Kills of one training in the order in which they can happen; None is a random moment."""

    def some(points: list[Point], n: int) -> list[Point]:
        return [points[k] for k in rng.choice(len(points), n, replace=False)]

    loop = [Point(p.call, p.name, p.when, int(rng.integers(1, 3))) for p in some(LOOP, 4)]
    middle: list[Point | None] = [*loop, None, None]
    mixed = [middle[k] for k in rng.permutation(len(middle))]
    return [*some(START, 1), *mixed, *some(PUBLISH, 3), None]


def kill_and_resume(shop: Workshop, kills: int, seed: int) -> Iterator[Kill]:
    """Trainings until so many kills are done; each training is finished and compared."""
    rng = np.random.default_rng(seed)
    done = 0
    while done < kills:
        job = Job(shop, f"training {seed}.{done}", over_old_model=bool(rng.integers(2)))
        for point in draw_round(rng)[: kills - done]:
            moment = rng.uniform(0, shop.seconds) if point is None else None
            kill = job.run(point, moment, by_submit=done % 5 == 4)
            done += kill.killed
            yield kill
            if job.finished:
                break
        while not job.finished:
            yield job.run(None, None, by_submit=False)


def kind_of(kill: Kill) -> str:
    """The line of the table that a kill belongs to."""
    if kill.point is None:
        return RANDOM
    stage = {"append": "loop", "overwrite": "publishing", "event": "marks"}[kill.point.call]
    if kill.point.name in ("blocks", "started", "packed"):
        stage = "packing"
    return f"{stage}: {kill.point.when}"


def table(kills: list[Kill]) -> str:
    """Kills and survivals by kind."""
    counted = Counter(kind_of(kill) for kill in kills)
    survived = Counter(kind_of(kill) for kill in kills if not kill.problems)
    lines = [f"{'kind':<28}{'kills':>7}{'survived':>10}"]
    lines += [f"{kind:<28}{n:>7}{survived[kind]:>10}" for kind, n in sorted(counted.items())]
    return "\n".join([*lines, f"{'all':<28}{len(kills):>7}{survived.total():>10}"])


def report(kills: list[Kill]) -> str:
    """All that the last lines say."""
    gaps = [kill.in_gap for kill in kills if kill.point and kill.point.when == "between"]
    return "\n".join(
        [
            table(kills),
            f"by spark-submit: {sum(kill.by_submit for kill in kills)}",
            f"data files left without a commit: {sum(gaps)} of {len(gaps)} kills between the two",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.faults.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    # So that the process under test is ended, too, and the table printed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kills, problems, begin = [], 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cdimf_kill_") as folder:
        try:
            shop = Workshop.build(Path(folder))
            for kill in kill_and_resume(shop, given.kills, given.seed):
                print(kill, flush=True)
                problems += len(kill.problems)
                if kill.killed:
                    kills.append(kill)
        finally:
            print(report(kills))
            print(f"problems: {problems}; seconds: {time.monotonic() - begin:.0f}")
    return min(problems, 1)


if __name__ == "__main__":
    sys.exit(main())
