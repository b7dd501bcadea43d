"""Stopping a process inside the writers of a training, which themselves know nothing of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.output.tables import OutputTables
from tests.faults.points import Point

Die = Callable[[], None]


def kill_group() -> None:
    """Kill this process, its JVM and its workers, as `kill -9` does."""
    os.killpg(os.getpgid(0), signal.SIGKILL)
    time.sleep(60)


def arm(point: Point, die: Die, patches: pytest.MonkeyPatch) -> None:
    """Let `die` be called at a point of the trainings of this process."""
    if point.call == "event":
        _arm_event(point, die, patches)
    else:
        _arm_table(point, die, patches)


def _arm_event(point: Point, die: Die, patches: pytest.MonkeyPatch) -> None:
    original, calls = Run.write, Counter[str]()

    def write(self: Run, event: str, iteration: int, details: dict[str, Any]) -> None:
        calls[event] += 1
        chosen = event == point.name and calls[event] == point.number
        if chosen and point.when == "before":
            die()
        original(self, event, iteration, details)
        if chosen:
            die()

    patches.setattr(Run, "write", write)


def _arm_table(point: Point, die: Die, patches: pytest.MonkeyPatch) -> None:
    original, calls = getattr(OutputTables, point.call), Counter[str]()

    def write(self: OutputTables, frame: Any, name: str, *args: Any, **kwargs: Any) -> None:
        calls[name] += 1
        if point.when == "alone" and name in point.others and calls[name] >= point.number:
            threading.Event().wait()
        chosen = name == point.name and calls[name] == point.number
        if chosen and point.when == "before":
            die()
        if chosen and point.when == "between":
            _die_at_data_file(Path(self.path(name)), die)
        original(self, frame, name, *args, **kwargs)
        if chosen:
            die()

    patches.setattr(OutputTables, point.call, write)


def _die_at_data_file(table: Path, die: Die) -> None:
    """Watch a table's folder; die as soon as a new data file is complete."""
    known = set(table.rglob("*.parquet"))

    def watch() -> None:
        while not any(is_complete(file) for file in set(table.rglob("*.parquet")) - known):
            time.sleep(0.0005)
        die()

    threading.Thread(target=watch, daemon=True).start()


def is_complete(file: Path) -> bool:
    """Whether a Parquet file has been written to its end."""
    content = file.read_bytes()
    return len(content) > 8 and content.endswith(b"PAR1")
