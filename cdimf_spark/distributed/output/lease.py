"""Exclusive use of an output folder where Delta's commits are exclusive (HDFS, S3, ADLS, DBFS).

The right is an event `claimed` in the table `runs`, with a number that is one higher than the last
one's. Of two trainings that claim at once one gets the number: the commits carry it as Delta's
transaction version, and the second commit of it fails or is left out. A claim lasts until its
event `released`, or until nothing was heard of it for `LEASE_SECONDS`: each event of its run is a
sign of life, and between two events that lie far apart the holder writes one.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cdimf_spark.distributed.output.holder import Holder
from cdimf_spark.distributed.output.runs import (
    ALIVE,
    CLAIMED,
    RELEASED,
    Event,
    last_claim,
    read_events,
    write_event,
)
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.errors import OutputInUseError

logger = logging.getLogger(__name__)

# Clocks that differ by more than this let a training be overtaken that still runs (it stops then,
# and nothing is lost), or keep the place of a dead one for longer.
LEASE_SECONDS = 300.0


@dataclass
class Lease:
    """A claim on an output folder."""

    tables: OutputTables
    claim: int
    holder: Holder = field(default_factory=Holder)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def name(self, run_id: str) -> None:
        """Remember which run this is: its events carry the claim."""
        self.holder = replace(self.holder, run_id=run_id)

    def check(self) -> None:
        """Make sure that nobody has claimed the folder since."""
        newest = [e for e in read_events(self.tables, CLAIMED) if e.claim >= self.claim]
        for event in newest:
            if event.details.get("token") != self.token:
                raise _holder([event]).refusal(
                    self.tables.root, ". It took this training for dead, which stops here"
                )

    def write(self, kind: str, exclusive: bool = False) -> None:
        """Write an event of this claim."""
        details = {"holder": self.holder.to_dict(), "token": self.token}
        event = Event(self.holder.run_id, datetime.now(UTC), kind, 0, self.claim, details)
        write_event(self.tables, event, exclusive)


@contextmanager
def lease(tables: OutputTables, seconds: float = LEASE_SECONDS) -> Iterator[Lease]:
    """Hold an output folder.

    Raises
    ------
    OutputInUseError
        If another training holds it; the message says which.
    """
    events = read_events(tables)
    _refuse_living(tables, events, seconds)
    held = Lease(tables, last_claim(events) + 1)
    try:
        held.write(CLAIMED, exclusive=True)
    except OutputInUseError:
        _refuse_living(tables, read_events(tables), seconds)
        raise
    # The commit may have been left out: another one had the number already.
    held.check()
    ended = threading.Event()
    pulse = threading.Thread(target=_beat, args=(held, seconds / 4, ended), daemon=True)
    pulse.start()
    try:
        yield held
    finally:
        ended.set()
        pulse.join()
        _release(held)


def _refuse_living(tables: OutputTables, events: Sequence[Event], seconds: float) -> None:
    """Refuse to go on while the last claim lives."""
    mine = [event for event in events if event.claim == last_claim(events)]
    if not any(e.event == CLAIMED for e in mine) or any(e.event == RELEASED for e in mine):
        return
    end = max(event.at for event in mine) + timedelta(seconds=seconds)
    if datetime.now(UTC) < end:
        raise _holder(mine).refusal(
            tables.root,
            f". Should it be dead: its place is free at {end:%Y-%m-%d %H:%M:%S} UTC",
        )


def _holder(events: Sequence[Event]) -> Holder:
    claimed = next(event for event in events if event.event == CLAIMED)
    run_ids = [event.run_id for event in events if event.run_id]
    holder = Holder.from_dict(claimed.details.get("holder", {}))
    return replace(holder, run_id=run_ids[-1]) if run_ids else holder


def _beat(held: Lease, period: float, ended: threading.Event) -> None:
    """Give a sign of life whenever the events of the run do not."""
    while not ended.wait(period):
        try:
            events = [e for e in read_events(held.tables) if e.claim == held.claim]
            silent = datetime.now(UTC) - max(event.at for event in events)
            if silent.total_seconds() >= period:
                held.write(ALIVE)
        except Exception:
            # The next one may succeed; a training that was overtaken learns it at its next mark.
            logger.warning("no sign of life could be written to %s", held.tables.root)


def _release(held: Lease) -> None:
    try:
        held.check()
        held.write(RELEASED)
    except Exception as error:
        # Must not hide how the training ended; the claim ends by itself a little later.
        logger.warning("the place in %s is free only later: %s", held.tables.root, error)
