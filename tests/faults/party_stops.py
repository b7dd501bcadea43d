"""Stops of a party at every commit, public or private, and of a party that goes on after each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest

from cdimf_spark.distributed.output.tables import OutputTables
from tests.faults.party_outcomes import Fault
from tests.support.parties import Federation
from tests.support.trained_tables import published

BEFORE, AFTER = "before", "after"


class StoppedError(Exception):
    """What ends a party in the middle."""


@dataclass
class Commits:
    """The commits of one party, counted; the one of number `stop_at` does not come through.

    Attributes
    ----------
    party
        Whose: a name in the path of its tables.
    stop_at
        Number of the commit, from 1; 0: none.
    when
        Whether the stop comes before the commit or after it.
    seen
        Names of the tables that were committed to, in order; public ones with a `+` before.
    """

    party: str
    stop_at: int = 0
    when: str = BEFORE
    seen: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def passes(self, tables: OutputTables, name: str, commit: Callable[[], None]) -> None:
        """Make a commit, or stop at it."""
        parts = Path(tables.root).parts
        if self.party not in parts[-2:]:
            commit()
            return
        with self.lock:
            self.seen.append(f"{'+' if parts[-1] == self.party else ''}{name}")
            stops = len(self.seen) == self.stop_at
        if stops and self.when == BEFORE:
            raise StoppedError
        commit()
        if stops:
            raise StoppedError


@contextmanager
def counting(commits: Commits) -> Iterator[None]:
    """Let each commit of the session go by `commits`."""
    with pytest.MonkeyPatch.context() as patches:
        for call in ("append", "overwrite"):
            patches.setattr(OutputTables, call, _counted(getattr(OutputTables, call), commits))
        yield


def _counted(call: Callable[..., None], commits: Commits) -> Callable[..., None]:
    def counted(self: OutputTables, frame: Any, name: str, *args: Any, **named: Any) -> None:
        commits.passes(self, name, lambda: call(self, frame, name, *args, **named))

    return counted


def stop_again_and_again(
    federation: Federation, reference: Federation, rng: np.random.Generator, n_stops: int
) -> Iterator[Fault]:
    """One training in which a party stops so many times; then the bits are compared."""
    victim, other = rng.permutation(sorted(federation.domains)).tolist()
    faults: list[Fault] = []
    with ThreadPoolExecutor() as pool:
        running = pool.submit(federation.train, other)
        for number in itertools.count():
            stops = number < n_stops
            # A resumed party has fewer commits before it: an early one is the more probable.
            stop_at = int(rng.integers(1, 9 if number else 16)) if stops else 0
            commits = Commits(victim, stop_at, str(rng.choice([BEFORE, AFTER])))
            try:
                with counting(commits):
                    federation.train(victim, resume=number > 0)
            except StoppedError:
                faults.append(Fault("stop", f"{commits.when} {commits.seen[-1]}", victim))
                continue
            break
        running.result()
    same = all(
        published(federation.spark, federation.output(name))
        == published(reference.spark, reference.output(name))
        for name in federation.domains
    )
    for fault in faults:
        yield fault if same else fault.failed("the published bits differ")
