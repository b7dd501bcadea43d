"""What is checked of an output folder after each kill, and at the end."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdimf_spark.distributed.output.tables import PUBLISHED
from tests.faults.delta_files import digest, read_rows

_ITERATION = re.compile(r"iteration=(\d+)/")
MODEL = "the model that jobs read"


def events(output: Path) -> list[dict[str, Any]]:
    """Rows of `runs`, in the order of their claims."""
    rows = read_rows(output / "runs") or []
    return sorted(
        rows, key=lambda row: (json.loads(row["details"])["claim"], row["iteration"], row["at"])
    )


def contents(output: Path) -> dict[str, str | None]:
    """Digest of each published table, and of the factors that the last publication points to."""
    found = {name: digest(read_rows(output / name)) for name in PUBLISHED}
    runs = [row["run_id"] for row in events(output) if row["event"] == "published"]
    packed = read_rows(output / "factors") or []
    mine = [row for row in packed if runs and row["run_id"] == runs[-1]]
    return found | {MODEL: digest(mine) if runs else None}


@dataclass(frozen=True)
class Progress:
    """The newest training of a folder: its run (None before its first event), its iterations."""

    run_id: str | None
    recorded: int


def progress(output: Path, old_runs: set[str]) -> Progress:
    """Progress of the run that is none of the old ones."""
    mine = [row for row in events(output) if row["run_id"] not in old_runs]
    begun = [row["run_id"] for row in mine if row["event"] == "started"]
    if not begun:
        return Progress(None, 0)
    done = [r["iteration"] for r in mine if r["run_id"] == begun[-1] and r["event"] == "iteration"]
    return Progress(begun[-1], max(done, default=0))


def problems_seen(
    output: Path, allowed: list[dict[str, str | None]], before: Progress, now: Progress, log: str
) -> list[str]:
    """What is wrong with an output after a kill.

    Parameters
    ----------
    allowed
        Contents of complete models: the one before this training, and its own.
    before, now
        Progress when the process started, and now.
    log
        What the process logged.
    """
    problems = [
        f"{name} is not that of a complete model"
        for name, found in contents(output).items()
        if found not in [model[name] for model in allowed]
    ]
    computed = [int(number) for number in _ITERATION.findall(log)]
    # A run without its event `packed` begins anew.
    if before.run_id == now.run_id and now.recorded < before.recorded:
        problems.append(f"recorded iterations fell from {before.recorded} to {now.recorded}")
    if computed and computed[0] != before.recorded + 1:
        problems.append(f"went on with iteration {computed[0]} after {before.recorded} recorded")
    if computed and computed[-1] > now.recorded + 1:
        problems.append(f"iteration {computed[-1]} was done, but only {now.recorded} recorded")
    return problems
