"""The log of a training: what has happened so far, so that a stopped one can go on.

`runs` is an append-only Delta table of events. An iteration counts once its event is there, which
is after all of its tables were committed; whatever a crashed run wrote later is repeated with the
same bits. The events of one run, in order::

    started     configuration and number of blocks
    packed      the static blocks are complete
    iteration   one an iteration, with its metrics (the rows of `history`)
    published   the published tables show this run at this iteration; the sizes of its blocks
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import functions as F

from cdimf_spark.distributed.tables import RUNS, OutputTables

_COLUMNS = ("run_id", "at", "event", "iteration", "details")

STARTED, PACKED, ITERATION, PUBLISHED = "started", "packed", "iteration", "published"


@dataclass
class Run:
    """One training and its events so far.

    Attributes
    ----------
    run_id
        Names the run in all tables.
    details
        What the `started` event says: a JSON object.
    iterations
        Metrics of the finished iterations, in order.
    packed, published
        Whether the blocks are complete; the iteration of the last publication (or None).
    sizes
        Rows of each block at that publication: ``{"users": {domain: [...]}, "items": ...}``.
    resumed
        Whether the run was begun by another process, which may have left rows of an unfinished
        iteration.
    first
        Whether the output folder has never seen another run.
    """

    tables: OutputTables
    run_id: str
    details: dict[str, Any]
    iterations: list[dict[str, Any]] = field(default_factory=list)
    packed: bool = False
    published: int | None = None
    sizes: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    resumed: bool = False
    first: bool = False

    @property
    def iteration(self) -> int:
        """The last finished iteration."""
        return len(self.iterations)

    def record(self, event: str, iteration: int, details: dict[str, Any] | None = None) -> None:
        """Write an event, and take it into account."""
        self.write(event, iteration, details or {})
        self.note(event, iteration, details or {})

    def write(self, event: str, iteration: int, details: dict[str, Any]) -> None:
        """Append an event to the log, in a commit of its own."""
        values = (self.run_id, datetime.now(UTC), event, iteration, json.dumps(details))
        # Literals need no Python worker, as rows of Python objects would.
        columns = [F.lit(v).alias(c) for c, v in zip(_COLUMNS, values, strict=True)]
        self.tables.append(self.tables.spark.range(0, 1, 1, 1).select(*columns), RUNS)

    def note(self, event: str, iteration: int, details: dict[str, Any]) -> None:
        """Take an event into account, here in memory."""
        if event == PACKED:
            self.packed = True
        elif event == ITERATION:
            self.iterations[iteration - 1 :] = [details]
        elif event == PUBLISHED:
            self.published, self.sizes = iteration, details


def new_run(tables: OutputTables, details: dict[str, Any]) -> Run:
    """A run of which nothing is written yet: it begins with the event `started`."""
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    empty = tables.find(RUNS) is None and tables.find("blocks") is None
    return Run(tables, run_id, details, first=empty)


def last_run(tables: OutputTables, published: bool = False) -> Run | None:
    """The newest run of an output folder (or the one that was published last), or None."""
    log = tables.find(RUNS)
    # All of it, a row an iteration, in one job: filters and sorts on Spark would be jobs more.
    events = [] if log is None else sorted(log.collect(), key=lambda e: (e["at"], e["iteration"]))
    mark = PUBLISHED if published else STARTED
    marked = [event["run_id"] for event in events if event["event"] == mark]
    if not marked:
        return None
    mine = [event for event in events if event["run_id"] == marked[-1]]
    details = next(json.loads(e["details"]) for e in mine if e["event"] == STARTED)
    run = Run(tables, marked[-1], details, resumed=True, first=len(mine) == len(events))
    for event in mine:
        run.note(event["event"], event["iteration"], json.loads(event["details"]))
    return run
