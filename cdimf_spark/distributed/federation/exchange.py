"""A round with the other parties: send, wait, read, refuse what is broken, record what is used."""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.federation.alignment import BETWEEN
from cdimf_spark.distributed.federation.audit import (
    READ,
    SENT,
    AuditLog,
    Booking,
    bookings_of,
)
from cdimf_spark.distributed.federation.joining import Members
from cdimf_spark.distributed.federation.meeting_place import STATUS, MeetingPlace, PartyEvent
from cdimf_spark.distributed.federation.publication import (
    FINISHED_ROUND,
    Envelope,
    forget_rounds,
    publish_round,
    sizes_of,
)
from cdimf_spark.distributed.federation.reception import (
    RefusedRowsError,
    Source,
    directory_of,
    place_rows,
    receive,
)
from cdimf_spark.distributed.federation.round_signs import RoundSigns
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.training.steps.sums import Sums
from cdimf_spark.distributed.training.timing import Stopwatch
from cdimf_spark.errors import FederationError

logger = logging.getLogger(__name__)

# A row of another party may be this much longer than the own ones are on the average.
_LONGER = 1000.0


# Rounds between two removals of old ones.
_FORGET_EVERY = 10


@dataclass
class RoundExchange:
    """The rounds of one run.

    Attributes
    ----------
    signs
        The other parties' rounds.
    members
        The parties' domains.
    audiences
        Names of the audiences of the own users.
    users, side
        The own users' static rows, and how they are cut into blocks.
    kept_rounds
        Rounds that stay in the tables of the meeting place.
    inputs
        What the last round went on with: by party the number of its round.
    """

    signs: RoundSigns
    members: Members
    audiences: tuple[str, ...]
    run: Run
    audit: AuditLog
    users: DataFrame
    side: Side
    rank: int
    kept_rounds: int
    inputs: Mapping[str, int] = field(default_factory=dict)
    _sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    _to_book: list[Booking] = field(default_factory=list)

    @property
    def place(self) -> MeetingPlace:
        """Where the parties meet."""
        return self.signs.place

    @cached_property
    def _directory(self) -> DataFrame:
        return directory_of(self.users, self.side)

    @cached_property
    def _sent(self) -> dict[int, PartyEvent]:
        """Rounds that this party had sent in this training before this process."""
        events = self.place.events(self.place.party, STATUS)
        return {event.round: event for event in events if event.event == FINISHED_ROUND}

    def _recorded(self, number: int) -> Mapping[str, int] | None:
        """What an earlier process went on with in a round, if others saw what followed from it.

        The event of a round says what the one before it used.
        """
        later = [one for one in self._sent if one > number]
        return self._sent[min(later)].details["inputs"] if later else None

    def close(self) -> None:
        """Release what is kept in memory."""
        self.audit.book(self._to_book)
        self._to_book.clear()
        if "_directory" in vars(self):
            self._directory.unpersist()

    def round_of(self, solved: DataFrame, sums: Sums) -> DataFrame | None:
        """Send the rows of the next round, and return those of the others by own block.

        Parameters
        ----------
        solved
            What the solve step emitted.

        Raises
        ------
        FederationError
            If the rules say to stop.
        """
        number = self.run.iteration + 1
        if not self.audiences:
            return None
        watch = Stopwatch()
        with watch.part("sending"):
            if number not in self._sent:
                self._send(number, solved)
        received = self._receive(number, sums, watch)
        logger.info("round=%d %s", number, watch)
        if received is None:
            return None
        return place_rows(self._directory, received, self.side, self.rank)

    def _receive(self, number: int, sums: Sums, watch: Stopwatch) -> DataFrame | None:
        """Rows of the others that the round goes on with; None if there are none."""
        recorded = self._recorded(number)
        while True:
            with watch.part("waiting"):
                rounds = self._choose(number, recorded)
            sources = self._sources(rounds, sums)
            if not sources:
                return None
            try:
                with watch.part("reading"):
                    received = receive(self.place, sources, self.side.num_blocks)
            except RefusedRowsError as error:
                self._refuse(rounds, error, recorded)
                continue
            self._note(rounds)
            return received

    def _send(self, number: int, solved: DataFrame) -> None:
        """Write the own rows; an interrupted run has written them to the bit before."""
        # What an attempt left that did not come to its event has another name.
        writer = f"{self.run.run_id}.{uuid.uuid4().hex[:8]}"
        if not self._sizes:
            # Who is shared with whom does not change, so that one count is enough.
            self._sizes = sizes_of(solved, self.audiences, self.rank)
        self.audit.book([*self._to_book, *bookings_of(SENT, number, self.place.party, self._sizes)])
        self._to_book.clear()
        kept_from = max(1, number - self.kept_rounds + 1)
        if number % _FORGET_EVERY == 0:
            forget_rounds(self.place, self.audiences, kept_from)
        details = {"kept_from": kept_from, "audiences": self._sizes, "inputs": dict(self.inputs)}
        envelope = self._envelope(self.place.party, "", number, writer)
        publish_round(self.place, solved, self.audiences, envelope, details)

    def _choose(self, number: int, recorded: Mapping[str, int] | None) -> Mapping[str, int]:
        if recorded is None:
            return self.signs.wait(number).rounds
        self.signs.find(recorded)
        return recorded

    def _refuse(
        self,
        rounds: Mapping[str, int],
        error: RefusedRowsError,
        recorded: Mapping[str, int] | None,
    ) -> None:
        for party, reason in error.reasons.items():
            if recorded is not None:
                raise FederationError(
                    f"round {rounds[party]} of party {party!r}, used before this run stopped, "
                    f"cannot be used again: {reason}. Start a new training"
                ) from error
            self.signs.refuse(party, self.signs.event_of(party, rounds[party]), reason)

    def _note(self, rounds: Mapping[str, int]) -> None:
        """Keep what is used: the next round says it, and the audit log."""
        self.inputs = dict(rounds)
        for party, one in rounds.items():
            self._to_book += bookings_of(READ, one, party, self._readable(party, one))

    def _readable(self, party: str, number: int) -> dict[str, dict[str, int]]:
        """Sizes of the audiences of another party's round that this party belongs to."""
        sizes = self.signs.event_of(party, number).details["audiences"]
        return {
            name: size for name, size in sizes.items() if self.place.party in name.split(BETWEEN)
        }

    def _sources(self, rounds: Mapping[str, int], sums: Sums) -> list[Source]:
        totals = np.sum(list(sums["exchange_sums"].values()), axis=0)
        longest = _LONGER * math.sqrt(max(float(totals[0] / max(totals[1], 1)), 1e-6))
        return [
            Source(
                self._envelope(party, audience, number, self.signs.event_of(party, number).writer),
                size["rows"],
                longest,
                frozenset(self.members.rho[party]),
            )
            for party, number in sorted(rounds.items())
            for audience, size in sorted(self._readable(party, number).items())
        ]

    def _envelope(self, party: str, audience: str, number: int, writer: str) -> Envelope:
        place = self.place
        names = (place.federation, place.training, party, audience)
        return Envelope(place.secret, *names, number, writer, self.rank)
