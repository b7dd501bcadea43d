"""What the status of the other parties says of their rounds, and which of them go into a round."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from cdimf_spark.distributed.federation.meeting_place import (
    STATUS,
    MeetingPlace,
    PartyEvent,
    PeerError,
)
from cdimf_spark.distributed.federation.rounds.publication import FINISHED_ROUND
from cdimf_spark.distributed.federation.waiting import wait_for
from cdimf_spark.errors import FederationError
from cdimf_spark.federation.rounds import (
    Inputs,
    PartySign,
    Stop,
    Wait,
    choose_inputs,
    first_missing,
)
from cdimf_spark.federation.terms import Terms

logger = logging.getLogger(__name__)

# Between two readings of a status that has no new commit: it may have been replaced.
_LOOK_EVERY_SECONDS = 15.0
FINISHED, LEFT = "finished", "left"


@dataclass
class RoundSigns:
    """The other parties' rounds, as far as they are known.

    Attributes
    ----------
    partners
        The other parties that share users with this one: nobody else is waited for.
    refused
        By party: rounds with their writer whose rows cannot be used, and why.
    over
        Partners that have finished or left.
    """

    place: MeetingPlace
    terms: Terms
    partners: tuple[str, ...]
    refused: dict[str, dict[tuple[int, str], str]] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    _rounds: dict[str, dict[int, PartyEvent]] = field(default_factory=dict)
    _commits: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def refuse(self, party: str, event: PartyEvent, reason: str) -> None:
        """Never use a round of a party again, as this writer wrote it."""
        logger.warning("party=%s round=%d refused: %s", party, event.round, reason)
        self.refused.setdefault(party, {})[event.round, event.writer] = reason

    def event_of(self, party: str, number: int) -> PartyEvent:
        """The event that says that a party finished a round."""
        return self._rounds[party][number]

    def sign_of(self, party: str) -> PartySign:
        """Read what a party says."""
        try:
            events = self.place.events(party, STATUS)
        except PeerError as error:
            known = tuple(sorted(self._rounds.get(party, {})))
            return PartySign(known, silent=self._silent(party, -1), refused=str(error))
        bad = self.refused.get(party, {})
        rounds = [event for event in events if event.event == FINISHED_ROUND]
        good = {e.round: e for e in rounds if (e.round, e.writer) not in bad}
        newest = max((e.round for e in rounds), default=0)
        kept = max((int(e.details["kept_from"]) for e in rounds), default=0)
        self._rounds[party] = {number: e for number, e in good.items() if number >= kept}
        reasons = [text for (number, _), text in bad.items() if number == newest]
        ended = _ended(events)
        (self.over.add if ended else self.over.discard)(party)
        return PartySign(
            tuple(sorted(self._rounds[party])),
            ended,
            self._silent(party, len(events)),
            "".join(reasons[-1:]),
        )

    def _silent(self, party: str, n_events: int) -> float:
        """Seconds since the number of events last changed, by the own clock."""
        seen, now = self._seen.get(party), time.monotonic()
        if seen is None or (n_events >= 0 and seen[0] != n_events):
            seen = self._seen[party] = n_events, now
        return now - seen[1]

    def wait(self, number: int, before: Mapping[str, int]) -> Inputs:
        """Wait until a round can go on; see `choose_inputs`.

        Raises
        ------
        FederationError
            If the rules say to stop.
        """
        signs: dict[str, PartySign] = {}
        looked = 0.0

        def ask(waited: float) -> Inputs | str:
            nonlocal looked
            every = not signs or waited - looked >= _LOOK_EVERY_SECONDS
            looked = waited if every else looked
            for name in self.partners:
                # Who has said what is waited for is not asked again.
                expected = name not in signs or signs[name].expected(number)
                if expected and (self._moved(name) or every):
                    signs[name] = self.sign_of(name)
            chosen = choose_inputs(number, signs, self.terms, waited, before)
            if isinstance(chosen, Stop):
                raise FederationError(chosen.reason)
            if isinstance(chosen, Wait):
                names = ", ".join(f"party {name!r}" for name in chosen.parties)
                return f"round {number} of {names}"
            return chosen

        chosen = wait_for(ask)
        for note in chosen.notes:
            logger.warning("round=%d %s", number, note)
        return chosen

    def newest(self) -> dict[str, int]:
        """The newest good round of each partner that has one."""
        last = {name: self.sign_of(name).last for name in self.partners}
        return {name: number for name, number in last.items() if number}

    def _moved(self, party: str) -> bool:
        """Whether a party has committed to its status since this was asked last.

        A cheap question, unlike reading the table; where its log cannot tell, the answer is yes.
        """
        before = self._commits.get(party, 0)
        try:
            now = first_missing(partial(self.place.has_commit, party, STATUS), before)
        except Exception:
            logger.debug("the log of %s cannot be looked at", party, exc_info=True)
            return True
        self._commits[party] = now
        return now != before or now == 0

    def find(self, rounds: Mapping[str, int]) -> None:
        """Read the events of some rounds that are known to be there.

        Raises
        ------
        FederationError
            If one is not there any more.
        """
        for party, number in rounds.items():
            sign = self.sign_of(party)
            if number not in self._rounds.get(party, {}):
                raise FederationError(
                    f"round {number} of party {party!r} was used before this run stopped, and is "
                    f"not there any more ({sign.refused or 'deleted, or replaced'}). Start a new "
                    "training"
                )


def _ended(events: list[PartyEvent]) -> str:
    """``finished`` or ``left`` if a party said so, and has not gone on since then; else empty.

    The event has the number of its last iteration.
    """
    last = max((event.round for event in events if event.event == FINISHED_ROUND), default=0)
    said = [e.event for e in events if e.event in (FINISHED, LEFT) and e.round >= last]
    return said[-1] if said else ""
