"""What scoring needs of a model: packed rows of its users and items, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.errors import UnknownDomainError
from cdimf_spark.scoring.sources import Sources

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
                raise UnknownDomainError(name, self.domains)


def restrict(frame: DataFrame, domains: Sequence[str], kinds: Sequence[str]) -> DataFrame:
    """Packed rows of some domains and kinds."""
    names, wanted = (", ".join(map(repr, values)) for values in (domains, kinds))
    return frame.where(f"domain IN ({names}) AND kind IN ({wanted})")
