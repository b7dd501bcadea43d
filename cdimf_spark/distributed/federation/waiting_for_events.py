"""Waiting until all other parties have said something that must come before anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdimf_spark.distributed.federation.meeting_place import (
    STATUS,
    MeetingPlace,
    PartyEvent,
    PeerError,
)
from cdimf_spark.distributed.federation.waiting import wait_for
from cdimf_spark.errors import FederationError
from cdimf_spark.federation.durations import duration_text
from cdimf_spark.federation.terms import Terms


def last_event(place: MeetingPlace, party: str, event: str) -> PartyEvent | None:
    """The last event of a kind in the status of a party; None: there is none."""
    events = [one for one in place.events(party, STATUS) if one.event == event]
    return events[-1] if events else None


def wait_for_events(
    place: MeetingPlace, terms: Terms, parties: Sequence[str], event: str, what: str
) -> Mapping[str, PartyEvent]:
    """Wait until parties have written something, and said so by an event.

    Parameters
    ----------
    what
        What they write, for messages: ``its pseudonyms``.

    Raises
    ------
    FederationError
        If one does not within `join_timeout`, or its status cannot be used.
    """

    def ask(waited: float) -> Mapping[str, PartyEvent] | str:
        try:
            found = {name: last_event(place, name, event) for name in parties}
        except PeerError as error:
            raise FederationError(f"{what} of a party cannot be used: {error}") from error
        there = {name: one for name, one in found.items() if one is not None}
        missing = [f"party {name!r}" for name in parties if name not in there]
        if not missing:
            return there
        if waited > terms.join_timeout:
            raise FederationError(
                f"{', '.join(missing)} did not write {what} within "
                f"{duration_text(terms.join_timeout)} (join_timeout). Ask them, and start again"
            )
        return f"{what} of {', '.join(missing)}"

    return wait_for(ask)
