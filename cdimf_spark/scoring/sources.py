"""Where the row that scores a user comes from."""

from __future__ import annotations

from dataclasses import dataclass

# Where a user's row comes from, best first: their row in the domain itself, the consensus of the
# domains, the mean of their rows in the other domains; nobody knows them: what is popular.
SOURCES = ("own", "shared", "foreign", "popular")
OWN, SHARED, FOREIGN, POPULAR = range(4)


@dataclass(frozen=True)
class Sources:
    """Which rows may score a user.

    Attributes
    ----------
    aligned
        Domains whose factors live in one space: users of one can be scored in another. A domain
        that was trained with rho = 0 has a space of its own.
    transfers
        False: a user of other domains is known, but has a zero row, since their rows there say
        nothing here.
    """

    aligned: frozenset[str]
    transfers: bool = True

    def domains_for(self, domain: str) -> list[str]:
        """Domains whose users can be scored in one, sorted."""
        return sorted(self.aligned | {domain}) if domain in self.aligned else [domain]
