"""The user rows of an earlier model, as a start for a new training.

Only user rows are needed: the first half-step makes the items from them. The dual variable starts
at 0, as always. Rules for a user of a domain, so that domains agree on the start of whom they share
without a message, and no row moves to a domain that may not see it:

- A shared user starts from their row in the first (by name) coupled domain of the earlier model
  that had them: their consensus, where several had them.
- Any other user starts from their row in the same domain. In a coupled domain that was not coupled
  before they do not, since its rows lay in a space of their own.
- A user whom the earlier model did not have starts at random, as without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.ranking.scoring import find_sorted

Int64 = NDArray[np.int64]
Matrix = NDArray[np.float32]


class KeyedRows(NamedTuple):
    """Rows float32 (n, rank) by ascending keys int64 (n,)."""

    keys: Int64
    factors: Matrix


class EarlierRows(NamedTuple):
    """User rows of an earlier model by domain; `coupled` are its domains with a consensus."""

    domains: Mapping[str, KeyedRows]
    coupled: frozenset[str]

    @classmethod
    def of(
        cls,
        user_ids: Mapping[str, Sequence[str]],
        factors: Mapping[str, Matrix],
        coupled: Iterable[str],
    ) -> Self:
        """User rows by domain, in the order of `LocalDomain.user_ids`."""
        domains = {}
        for name, ids in user_ids.items():
            keys = id_keys(ids)
            order = np.argsort(keys)
            domains[name] = KeyedRows(keys[order], factors[name][order])
        return cls(domains, frozenset(coupled))

    def put(self, rows: Matrix, keys: Int64, shared: NDArray[np.bool_], to: StartOf) -> int:
        """Put the rows that are known over random ones; returns how many there are.

        Parameters
        ----------
        rows : float32 (n, rank)
            Changed in place.
        keys : int64 (n,)
            Whose rows they are.
        shared : bool (n,)
            Which of them are shared users.
        to
            The domain.
        """
        own = ~shared
        if to.name in self.domains and (to.name in self.coupled or not to.coupled):
            own &= ~_copy(rows, keys, own, self.domains[to.name])
        missing = shared.copy()
        for name in sorted(self.coupled & self.domains.keys()):
            missing &= ~_copy(rows, keys, missing, self.domains[name])
        return len(keys) - int(np.count_nonzero(own | missing))


def check_earlier(
    where: str, rank: int, known: Iterable[str], model: ModelConfig, wanted: Iterable[str]
) -> None:
    """Refuse an earlier model that a training cannot start from.

    Parameters
    ----------
    where
        What messages call it.
    rank, known
        Its rank and domains.
    model, wanted
        Options and domains of the training.

    Raises
    ------
    ConfigurationError
        If it has another rank or none of the domains, or the schedule leaves its rows unused.
    """
    if rank != model.rank:
        raise ConfigurationError(
            f"{where}: that model has rank {rank}, this training {model.rank}. Set rank={rank}, or "
            "leave warm_start out"
        )
    if model.schedule == "paper":
        raise ConfigurationError(
            f"{where}: schedule paper starts from random items and uses no user rows. Set "
            "schedule=consensus, or leave warm_start out"
        )
    if set(known).isdisjoint(wanted):
        raise ConfigurationError(
            f"{where}: that model has the domains {', '.join(sorted(known))}, and none of "
            f"{', '.join(sorted(wanted))}"
        )


class StartOf(NamedTuple):
    """The domain whose users start: its name, and whether it takes part in the consensus."""

    name: str
    coupled: bool


def _copy(
    rows: Matrix, keys: Int64, wanted: NDArray[np.bool_], source: KeyedRows
) -> NDArray[np.bool_]:
    """Copy the wanted rows that are there; tell which these are."""
    position, found = find_sorted(source.keys, keys)
    found &= wanted
    rows[found] = source.factors[position[found]]
    return found
