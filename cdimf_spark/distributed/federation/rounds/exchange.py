"""A round with the other parties: send, wait, read, refuse what is broken, record what is used."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.federation.audit import READ, bookings_of
from cdimf_spark.distributed.federation.joining import Members
from cdimf_spark.distributed.federation.meeting_place import BETWEEN, MeetingPlace, PartyEvent
from cdimf_spark.distributed.federation.rounds.placing import directory_of, place_rows
from cdimf_spark.distributed.federation.rounds.publication import Envelope
from cdimf_spark.distributed.federation.rounds.reception import (
    RefusedRowsError,
    Source,
    receive,
)
from cdimf_spark.distributed.federation.rounds.round_signs import RoundSigns
from cdimf_spark.distributed.federation.rounds.sending import Sender
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.training.steps.sums import Sums
from cdimf_spark.distributed.training.timing import Stopwatch
from cdimf_spark.errors import FederationError
from cdimf_spark.federation.rounds import agree

logger = logging.getLogger(__name__)

# A row of another party may be this much longer than the own ones are on the average.
_LONGER = 1000.0


@dataclass
class RoundExchange:
    """The rounds of one run.

    Attributes
    ----------
    signs
        The other parties' rounds.
    members
        The parties' domains.
    sender
        The own rounds.
    users, side
        The own users' static rows, and how they are cut into blocks.
    period
        Iterations from one round to the next.
    inputs
        What the last round went on with: by party the number of its round.
    agreed
        Whether the parties' z of the round before the last were the same.
    """

    signs: RoundSigns
    members: Members
    sender: Sender
    run: Run
    users: DataFrame
    side: Side
    period: int
    inputs: Mapping[str, int] = field(default_factory=dict)
    agreed: bool = True

    @property
    def place(self) -> MeetingPlace:
        """Where the parties meet."""
        return self.signs.place

    @cached_property
    def _directory(self) -> DataFrame:
        return directory_of(self.users, self.side)

    def close(self) -> None:
        """Release what is kept in memory."""
        self.sender.close()
        if "_directory" in vars(self):
            self._directory.unpersist()

    def begin_round(self) -> None:
        """What can be done while the own rows are computed."""
        self.sender.book_ahead(self.run.iteration + 1)

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
        if not self.sender.audiences:
            return None
        watch = Stopwatch()
        with watch.part("sending"):
            self.sender.send(number, solved, self.inputs)
        longest, recorded = _longest(sums), self.sender.recorded(number)
        received = self._receive(partial(self._choose, number, recorded), longest, recorded, watch)
        logger.info("round=%d %s", number, watch)
        return received

    def rows_before(self) -> DataFrame | None:
        """Newest rows of the others, by own block, if they went on without this party; else None.

        They finish their second round only where they did not wait for the first one of this party.
        A party that goes on after a stop starts from the same rows as before.
        """
        recorded = self.inputs if self.run.iterations else self.sender.recorded(0)
        if not self.sender.audiences or recorded == {}:
            return None
        choose = self.signs.newest if recorded is None else partial(self._choose, 0, recorded)
        if recorded is None and max(choose().values(), default=0) <= self.period:
            return None
        # There are no own rows yet to compare lengths with.
        received = self._receive(choose, math.inf, recorded, Stopwatch())
        logger.warning("party %s is late: it starts from rounds %s", self.place.party, self.inputs)
        return received

    def _receive(
        self,
        choose: Callable[[], Mapping[str, int]],
        longest: float,
        recorded: Mapping[str, int] | None,
        watch: Stopwatch,
    ) -> DataFrame | None:
        """Rows of the others to go on with, by own block; None if there are none."""
        while True:
            with watch.part("waiting"):
                rounds = choose()
            sources = self._sources(rounds, longest)
            if not sources:
                return None
            try:
                with watch.part("reading"):
                    received = receive(self.place, sources, self.side.num_blocks)
            except RefusedRowsError as error:
                self._refuse(rounds, error, recorded)
                continue
            self._note(rounds)
            return place_rows(self._directory, received, self.side, self.sender.rank)

    def _choose(self, number: int, recorded: Mapping[str, int] | None) -> Mapping[str, int]:
        if recorded is None:
            return self.signs.wait(number, self.inputs).rounds
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
            self.signs.refuse(party, self._event(party, rounds[party]), reason)

    def _note(self, rounds: Mapping[str, int]) -> None:
        """Keep what is used: the next round says it, and the audit log."""
        self.agreed = self._all_agree(rounds)
        self.inputs = dict(rounds)
        for party, one in rounds.items():
            self.sender.book(bookings_of(READ, one, party, self._readable(party, one)))

    def _all_agree(self, rounds: Mapping[str, int]) -> bool:
        """Whether all that go on have the z of the round before that this party has."""
        before = self.run.iteration + 1 - self.period
        mine = {**self.inputs, self.place.party: before}
        theirs = {
            party: {
                **self._event(party, number).details["inputs"],
                party: number - self.period,
            }
            for party, number in rounds.items()
            if party not in self.signs.over
        }
        audiences = [set(name.split(BETWEEN)) for name in self.sender.audiences]
        return before == 0 or all(
            agree(mine, one, party, audiences) for party, one in theirs.items()
        )

    def _readable(self, party: str, number: int) -> dict[str, dict[str, int]]:
        """Sizes of the audiences of another party's round that this party belongs to."""
        sizes = self._event(party, number).details["audiences"]
        return {
            name: size for name, size in sizes.items() if self.place.party in name.split(BETWEEN)
        }

    def _event(self, party: str, number: int) -> PartyEvent:
        return self.signs.event_of(party, number)

    def _envelope(self, party: str, number: int) -> Envelope:
        writer = self._event(party, number).writer
        return Envelope.of(self.place, party, number, writer, self.sender.rank)

    def _sources(self, rounds: Mapping[str, int], longest: float) -> list[Source]:
        return [
            Source(
                self._envelope(party, number).to(audience),
                size["rows"],
                longest,
                frozenset(self.members.rho[party]),
            )
            for party, number in sorted(rounds.items())
            for audience, size in sorted(self._readable(party, number).items())
        ]


def _longest(sums: Sums) -> float:
    """Length that no row of another party may exceed: by that of the own ones."""
    squares, n_rows = np.sum(list(sums["exchange_sums"].values()), axis=0)
    return _LONGER * math.sqrt(max(float(squares / max(n_rows, 1)), 1e-6))
