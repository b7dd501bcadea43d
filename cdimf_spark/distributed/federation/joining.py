"""Joining a training: each party says its terms, and compares them with those of the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cdimf_spark import __version__
from cdimf_spark.distributed.federation.meeting_place import MEMBERS, MeetingPlace, PeerError
from cdimf_spark.distributed.federation.waiting import wait_for
from cdimf_spark.distributed.training.resuming import STATE_FORMAT
from cdimf_spark.errors import ConfigurationError, FederationError
from cdimf_spark.federation.durations import duration_text
from cdimf_spark.federation.terms import Terms

logger = logging.getLogger(__name__)

JOINED = "joined"


@dataclass(frozen=True)
class Members:
    """The parties of a training: by party the rho of each of its coupled domains."""

    rho: Mapping[str, Mapping[str, float]]

    @property
    def by_domain(self) -> dict[str, float]:
        """The rho of all coupled domains."""
        return {name: rho for domains in self.rho.values() for name, rho in domains.items()}


def join(
    place: MeetingPlace,
    terms: Terms,
    rho: Mapping[str, float],
    book: Callable[[], object] = lambda: None,
) -> Members:
    """Say the own terms, and wait for those of all parties.

    Parameters
    ----------
    rho
        Of the own coupled domains.
    book
        Called before the terms leave, which they do once a training.

    Raises
    ------
    ConfigurationError
        If the terms, the secret keys or the versions differ: which option, and of which party.
    FederationError
        If a party does not come in time.
    """
    mine = {
        "terms": terms.to_json(),
        "digest": terms.digest(),
        "domains": dict(rho),
        "version": __version__,
        "state_format": STATE_FORMAT,
    }
    said = _last_joined(place, place.party)
    if said is None:
        book()
        place.announce(MEMBERS, JOINED, 0, "", mine)
        logger.info("party %s joined federation %s", place.party, place.federation)
    else:
        _check(place.party, said, mine, terms, "this party's own earlier run")
    others = [name for name in terms.parties if name != place.party]
    found: dict[str, dict[str, Any]] = {}

    def ask(waited: float) -> Members | str:
        for name in [one for one in others if one not in found]:
            theirs = _last_joined(place, name)
            if theirs is not None:
                _check(name, theirs, mine, terms, f"party {name!r}")
                found[name] = theirs
        missing = [name for name in others if name not in found]
        if not missing:
            rhos = {name: theirs["domains"] for name, theirs in found.items()}
            return Members({**rhos, place.party: dict(rho)})
        if waited > terms.join_timeout:
            raise FederationError(
                f"{_names(missing)} did not join training {place.training!r} within "
                f"{duration_text(terms.join_timeout)} (join_timeout). Ask them, and start again"
            )
        return f"{_names(missing)} to join"

    members = wait_for(ask)
    _check_domains(members)
    return members


def _last_joined(place: MeetingPlace, party: str) -> dict[str, Any] | None:
    try:
        events = place.events(party, MEMBERS)
    except PeerError as error:
        raise ConfigurationError(f"party {party!r}: {error}") from error
    return dict(events[-1].details) if events else None


def _check(
    party: str, theirs: Mapping[str, Any], mine: Mapping[str, Any], terms: Terms, who: str
) -> None:
    if theirs["digest"] != mine["digest"]:
        pairs = terms.differences(theirs["terms"])
        said = "; ".join(
            f"{name} is {ours!r}, there {there!r}" for name, (ours, there) in pairs.items()
        )
        raise ConfigurationError(
            f"the terms of {who} differ: {said}. All parties need the same file of terms; a new "
            "`training` in it begins a new training"
        )
    if theirs["state_format"] != mine["state_format"]:
        raise ConfigurationError(
            f"{who} has cdimf_spark {theirs['version']} (format {theirs['state_format']}), this is "
            f"{mine['version']} (format {mine['state_format']}): use one version"
        )


def _check_domains(members: Members) -> None:
    owner: dict[str, str] = {}
    for party, domains in sorted(members.rho.items()):
        for name in domains:
            if name in owner:
                raise ConfigurationError(
                    f"parties {owner[name]!r} and {party!r} both have a domain {name!r}: names of "
                    "domains must differ in a federation"
                )
            owner[name] = party


def _names(parties: list[str]) -> str:
    return ", ".join(f"party {name!r}" for name in parties)
