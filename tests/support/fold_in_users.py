"""The users of a fold-in or an explanation: one of each kind."""

from __future__ import annotations

from tests.support.helpers import Domains

NAME = "books"


def people(domains: Domains) -> dict[str, str]:
    """A user of each kind in domain `NAME`."""
    members = {name: set(frame["user_id"]) for name, frame in domains.items()}
    elsewhere = [members[name] for name in members if name != NAME]
    return {
        "shared": min(members[NAME] & elsewhere[0]),
        "own": min(members[NAME] - elsewhere[0] - elsewhere[1]),
        "foreign": min(elsewhere[0] - members[NAME] - elsewhere[1]),
        "traveller": min(elsewhere[0] & elsewhere[1] - members[NAME]),
        "new": "nobody yet",
    }


PULLS = {"shared": "shared", "own": "none", "foreign": "foreign", "traveller": "shared"}
