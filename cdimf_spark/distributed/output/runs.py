"""The log of a training: what has happened so far, so that a stopped one can go on.

`runs` is an append-only Delta table of events. An iteration counts once its event is there, which
is after all of its tables were committed; whatever a crashed run wrote later is repeated with the
same bits. The events of one run, in order::

    started     configuration, number of blocks, fingerprints of the data
    packed      the static blocks are complete
    iteration   one an iteration, with its metrics (the rows of `history`)
    published   the published tables show this run at this iteration; the sizes of its blocks
    resumed     another process goes on after this iteration: what is written under a lower claim
                does not count from here on

Each event has the claim (see `holder.Hold`) of the training that wrote it. Where the output folder
is held by a lease, `claimed`, `alive` and `released` say so.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import functions as F

from cdimf_spark.distributed.output.tables import RUNS, OutputTables

_COLUMNS = ("run_id", "at", "event", "iteration", "details")

STARTED, PACKED, ITERATION, PUBLISHED = "started", "packed", "iteration", "published"
RESUMED = "resumed"
CLAIMED, ALIVE, RELEASED = "claimed", "alive", "released"


@dataclass(frozen=True)
class Event:
    """A row of `runs`; the claim is kept in its details."""

    run_id: str
    at: datetime
    event: str
    iteration: int
    claim: int
    details: dict[str, Any]


def read_events(tables: OutputTables, event: str | None = None) -> list[Event]:
    """Read all events (or those of a kind), in the order of their claims.

    The clock orders only what one process wrote within one iteration.
    """
    log = tables.find(RUNS)
    if log is None:
        return []
    # In one job, a row an iteration: sorting and grouping on Spark would be jobs more.
    rows = (log if event is None else log.where(F.col("event") == event)).collect()
    events = []
    for row in rows:
        details = json.loads(row["details"])
        claim = details.pop("claim", 0)
        at = row["at"].astimezone(UTC)
        events.append(Event(row["run_id"], at, row["event"], row["iteration"], claim, details))
    return sorted(events, key=lambda e: (e.claim, e.iteration, e.at))


def has_log(tables: OutputTables) -> bool:
    """Tell whether the folder has the log of a training, not some other table of that name."""
    log = tables.find(RUNS)
    return log is not None and set(_COLUMNS) <= set(log.columns)


def write_event(tables: OutputTables, event: Event, exclusive: bool = False) -> None:
    """Append an event in a commit of its own; `exclusive`: only the first one of its claim."""
    details = json.dumps({**event.details, "claim": event.claim})
    values = (event.run_id, event.at, event.event, event.iteration, details)
    # Literals need no Python worker, as rows of Python objects would.
    columns = [F.lit(v).alias(c) for c, v in zip(_COLUMNS, values, strict=True)]
    row = tables.spark.range(0, 1, 1, 1).select(*columns)
    tables.append(row, RUNS, transaction=("claim", event.claim) if exclusive else None)


def last_claim(events: Sequence[Event]) -> int:
    """Number of the last claim; 0 if nobody ever held the folder."""
    return max((event.claim for event in events), default=0)


@dataclass
class Run:
    """One training and its events so far.

    Attributes
    ----------
    run_id
        Names the run in all tables.
    details
        What the `started` event says: a JSON object.
    claim
        Claim of the process that writes now.
    iterations
        Metrics of the finished iterations, in order.
    writers
        The claim that wrote each of them.
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
    claim: int = 0
    iterations: list[dict[str, Any]] = field(default_factory=list)
    writers: list[int] = field(default_factory=list)
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
        """Append an event to the log, in a commit of its own, if the folder is still held."""
        self.tables.guard()
        at = datetime.now(UTC)
        write_event(self.tables, Event(self.run_id, at, event, iteration, self.claim, details))

    def forget_unrecorded(self) -> None:
        """Take back what the log does not have: this process goes on as another one would."""
        self.tables.guard()
        logged = last_run(self.tables)
        if logged is None or logged.run_id != self.run_id:
            raise AssertionError(f"run {self.run_id} is held, and not in its log")
        self.iterations, self.writers = logged.iterations, logged.writers
        self.published, self.sizes = logged.published, logged.sizes
        self.resumed = True

    def note(
        self, event: str, iteration: int, details: dict[str, Any], claim: int | None = None
    ) -> None:
        """Take an event into account, here in memory."""
        if event == PACKED:
            self.packed = True
        elif event == ITERATION:
            self.iterations[iteration - 1 :] = [details]
            self.writers[iteration - 1 :] = [self.claim if claim is None else claim]
        elif event == PUBLISHED:
            self.published, self.sizes = iteration, details
        elif event == RESUMED:
            del self.iterations[iteration:], self.writers[iteration:]
            if self.published is not None and self.published > iteration:
                self.published = None


def new_run(tables: OutputTables, details: dict[str, Any], claim: int = 0) -> Run:
    """A run of which nothing is written yet: it begins with the event `started`."""
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    empty = tables.find("blocks") is None and not read_events(tables, STARTED)
    return Run(tables, run_id, details, claim, first=empty)


def last_run(tables: OutputTables, published: bool = False) -> Run | None:
    """The newest run of an output folder (or the one that was published last), or None."""
    events = read_events(tables)
    mark = PUBLISHED if published else STARTED
    marked = [event.run_id for event in events if event.event == mark]
    if not marked:
        return None
    begun = {event.run_id for event in events if event.event == STARTED}
    mine = [event for event in events if event.run_id == marked[-1]]
    details = next(event.details for event in mine if event.event == STARTED)
    run = Run(tables, marked[-1], details, resumed=True, first=len(begun) == 1)
    for event in mine:
        run.note(event.event, event.iteration, event.details, event.claim)
    return run
