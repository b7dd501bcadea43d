"""The log of a training: what has happened so far, so that a stopped one can go on.

`runs` is an append-only Delta table of events. An iteration counts once its event is there, which
is after all of its tables were committed; whatever a crashed run wrote later is repeated with the
same bits. The events of one run, in order::

    started     configuration and number of blocks
    packed      the static blocks are complete
    iteration   one an iteration, with its metrics (the rows of `history`)
    published   the published tables show this run at this iteration
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import functions as F

from cdimf_spark.distributed.tables import RUNS, OutputTables

_SCHEMA = "run_id string, at timestamp, event string, iteration int, details string"

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
    resumed
        Whether the run was begun by another process, which may have left rows of an unfinished
        iteration.
    """

    tables: OutputTables
    run_id: str
    details: dict[str, Any]
    iterations: list[dict[str, Any]] = field(default_factory=list)
    packed: bool = False
    published: int | None = None
    resumed: bool = False

    @property
    def iteration(self) -> int:
        """The last finished iteration."""
        return len(self.iterations)

    def record(self, event: str, iteration: int, details: dict[str, Any] | None = None) -> None:
        """Append an event in a commit of its own."""
        row = (self.run_id, datetime.now(UTC), event, iteration, json.dumps(details or {}))
        frame = self.tables.spark.createDataFrame([row], _SCHEMA).coalesce(1)
        self.tables.append(frame, RUNS)
        self._apply(event, iteration, details or {})

    def _apply(self, event: str, iteration: int, details: dict[str, Any]) -> None:
        if event == PACKED:
            self.packed = True
        elif event == ITERATION:
            self.iterations[iteration - 1 :] = [details]
        elif event == PUBLISHED:
            self.published = iteration


def start_run(tables: OutputTables, details: dict[str, Any]) -> Run:
    """Begin a new run."""
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    run = Run(tables, run_id, details)
    run.record(STARTED, 0, details)
    return run


def last_run(tables: OutputTables, published: bool = False) -> Run | None:
    """The newest run of an output folder (or the one that was published last), or None."""
    if not tables.exists(RUNS):
        return None
    log = tables.read(RUNS)
    marks = log.where(F.col("event") == (PUBLISHED if published else STARTED))
    newest = marks.orderBy(F.desc("at")).select("run_id").head()
    if newest is None:
        return None
    events = log.where(F.col("run_id") == newest[0]).orderBy("at", "iteration").collect()
    details = next(json.loads(e["details"]) for e in events if e["event"] == STARTED)
    run = Run(tables, newest[0], details, resumed=True)
    for event in events:
        run._apply(event["event"], event["iteration"], json.loads(event["details"]))
    return run
