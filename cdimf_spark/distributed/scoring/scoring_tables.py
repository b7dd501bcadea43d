"""What scoring needs of a model: packed rows of its users and items, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.errors import ConfigurationError, did_you_mean

# Where a user's row comes from, best first: his rows in the domain itself, the consensus of the
# domains, the mean of his rows in the other domains; nobody knows him: what is popular.
SOURCES = ("own", "shared", "foreign", "popular")
OWN, SHARED, FOREIGN, POPULAR = range(4)

# Kinds of packed rows of each side.
USER_KINDS = ("keys", "ids", "shared", "columns", "indptr", "indices", "factors", "z")
ITEM_KINDS = ("keys", "ids", "indptr", "factors")


@dataclass(frozen=True)
class Sizes:
    """Rows of each block, by domain: bounded by the number of blocks."""

    users: Mapping[str, Sequence[int]]
    items: Mapping[str, Sequence[int]]

    def first_items(self, domain: str) -> NDArray[np.int64]:
        """Number of the first item of each block, and that of all items.

        Items are numbered block after block, and by ascending key within each. So an item's
        number depends on the number of blocks, which is a part of the model.
        """
        return np.concatenate(([0], np.cumsum(self.items[domain], dtype=np.int64)))


@dataclass(frozen=True)
class Sources:
    """Which rows may score a user.

    Attributes
    ----------
    aligned
        Domains whose factors live in one space: users of one can be scored in another. A domain
        that was trained with rho = 0 has a space of its own.
    transfers
        False: a user of other domains is known, but has a zero row, since his rows there say
        nothing here.
    """

    aligned: frozenset[str]
    transfers: bool = True

    def domains_for(self, domain: str) -> list[str]:
        """Domains whose users can be scored in one, sorted."""
        return sorted(self.aligned | {domain}) if domain in self.aligned else [domain]


@dataclass(frozen=True)
class ScoringTables:
    """Packed factors of any origin, for recommendation and evaluation.

    Attributes
    ----------
    users, items
        Packed rows (``BLOCK_ROW``) of the kinds `USER_KINDS` and `ITEM_KINDS`. Kind `z` is there
        only if the rows of shared users are not their consensus.
    layout
        Where they lie.
    sizes
        How many they are.
    sources
        Which of them may score a user.
    rank
        Length of a factor row.
    """

    users: DataFrame
    items: DataFrame
    layout: Layout
    sizes: Sizes
    sources: Sources
    rank: int

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of all domains, sorted."""
        return self.layout.users.domains

    def n_items(self, domain: str) -> int:
        """Size of a domain's catalogue."""
        return sum(self.sizes.items[domain])

    def n_users(self, domain: str) -> int:
        """Users with interactions in a domain."""
        return sum(self.sizes.users[domain])

    def check_domains(self, names: Iterable[str]) -> None:
        """Raise ConfigurationError for a domain that the model does not have."""
        for name in names:
            if name not in self.domains:
                raise ConfigurationError(
                    f"the model has no domain {name!r}{did_you_mean(name, self.domains)} "
                    f"Its domains: {', '.join(self.domains)}"
                )


def restrict(frame: DataFrame, domains: Sequence[str], kinds: Sequence[str]) -> DataFrame:
    """Packed rows of some domains and kinds."""
    names, wanted = (", ".join(map(repr, values)) for values in (domains, kinds))
    return frame.where(f"domain IN ({names}) AND kind IN ({wanted})")
