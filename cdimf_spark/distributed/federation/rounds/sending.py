"""The rounds that a party sends: booked in its audit log, then written, then said to be there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from pyspark.sql import DataFrame

from cdimf_spark.distributed.federation.audit import SENT, AuditLog, Booking, bookings_of
from cdimf_spark.distributed.federation.meeting_place import STATUS, MeetingPlace, PartyEvent
from cdimf_spark.distributed.federation.rounds.publication import (
    FINISHED_ROUND,
    Envelope,
    forget_rounds,
    publish_round,
    sizes_of,
)
from cdimf_spark.distributed.output.commits import Commits

# Rounds between two removals of old ones.
_FORGET_EVERY = 10


@dataclass
class Sender:
    """What a party sends in one run.

    Attributes
    ----------
    run_id
        The run.
    audiences
        Names of the audiences of the own users.
    kept_rounds
        Rounds that stay in the tables of the meeting place.
    """

    place: MeetingPlace
    run_id: str
    audiences: tuple[str, ...]
    audit: AuditLog
    rank: int
    kept_rounds: int
    _sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    _to_book: list[Booking] = field(default_factory=list)
    _booking: Commits = field(default_factory=Commits)
    _booked_ahead: int = 0

    @cached_property
    def sent(self) -> dict[int, PartyEvent]:
        """Rounds that this party had sent in this training before this process."""
        events = self.place.events(self.place.party, STATUS)
        return {event.round: event for event in events if event.event == FINISHED_ROUND}

    def recorded(self, number: int) -> Mapping[str, int] | None:
        """What an earlier process went on with in a round, if others saw what followed from it.

        The event of a round says what the one before it used.
        """
        later = [one for one in self.sent if one > number]
        return self.sent[min(later)].details["inputs"] if later else None

    def book(self, bookings: Sequence[Booking]) -> None:
        """Book with the next round, in one commit."""
        self._to_book += bookings

    def book_ahead(self, number: int) -> None:
        """Begin to book a round while its rows are computed: their sizes are those of the last."""
        if self._sizes and number not in self.sent:
            self.book(bookings_of(SENT, number, self.place.party, self._sizes))
            bookings, self._to_book = self._to_book, []
            self._booking.add([partial(self.audit.book, bookings)])
            self._booked_ahead = number

    def close(self) -> None:
        """Book what is not yet booked; nothing is sent after this."""
        with self._booking:
            self._booking.wait()
        self._book_now()

    def _book_now(self) -> None:
        self.audit.book(self._to_book)
        self._to_book.clear()

    def send(self, number: int, solved: DataFrame, inputs: Mapping[str, int]) -> None:
        """Write the own rows of a round; an interrupted run has written them to the bit before.

        Parameters
        ----------
        solved
            What the solve step emitted.
        inputs
            By party: the round whose rows the round before went on with.
        """
        if number in self.sent:
            return
        # What an attempt left that did not come to its event has another name.
        writer = f"{self.run_id}.{uuid.uuid4().hex[:8]}"
        if not self._sizes:
            # Who is shared with whom does not change, so that one count is enough.
            self._sizes = sizes_of(solved, self.audiences, self.rank)
        if self._booked_ahead != number:
            self.book(bookings_of(SENT, number, self.place.party, self._sizes))
            self._book_now()
        # Nothing leaves before it is booked.
        self._booking.wait()
        kept_from = max(1, number - self.kept_rounds + 1)
        if number % _FORGET_EVERY == 0:
            forget_rounds(self.place, self.audiences, kept_from)
        details = {"kept_from": kept_from, "audiences": self._sizes, "inputs": dict(inputs)}
        envelope = Envelope.of(self.place, self.place.party, number, writer, self.rank)
        publish_round(self.place, solved, self.audiences, envelope, details)
