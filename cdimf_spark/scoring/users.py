"""The rows that score users in a domain, and what they have seen there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.lists import Lists, offsets_of
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.scoring.sources import FOREIGN, OWN, POPULAR, SHARED

Indexes = NDArray[np.int64]
Mask = NDArray[np.bool_]
Matrix = NDArray[np.float32]


class Users(NamedTuple):
    """Users to score in one domain.

    Attributes
    ----------
    factors : float32 (n_users, rank)
        Zero for a user whom nobody knows.
    sources : int64 (n_users,)
        Positions in `SOURCES`.
    is_shared : bool (n_users,)
        Whether several domains have them.
    seen
        Keys of the items that each has in train.
    """

    factors: Matrix
    sources: Indexes
    is_shared: Mask
    seen: Lists

    def cut(self, rows: slice) -> Users:
        """Some of them, one after the other."""
        return Users(
            self.factors[rows], self.sources[rows], self.is_shared[rows], self.seen.cut(rows)
        )


class Known(NamedTuple):
    """Users that one domain knows.

    Attributes
    ----------
    keys : int64 (n,)
        Ascending.
    factors : float32 (n, rank)
    shared : int64 (n_shared,)
        Which of them are shared.
    z : float32 (n_shared, rank)
        The consensus of these.
    """

    keys: Indexes
    factors: Matrix
    shared: Indexes
    z: Matrix


class Histories(NamedTuple):
    """What the users of a domain have in train: `columns` are the keys of items that it has."""

    cells: Lists
    columns: Indexes


def find_users(
    keys: Indexes,
    own: Known,
    others: Sequence[Known],
    histories: Histories,
    transfers: bool = True,
) -> Users:
    """Find the rows of users in a domain: their own, else the consensus, else the mean elsewhere.

    Parameters
    ----------
    keys : int64 (n_users,)
        Keys of the users, ascending and distinct.
    own, others
        What the domain itself knows, and those whose factors live in its space, by name.
    histories
        Of the domain's users.
    transfers
        See `Sources`.
    """
    position, found = find_sorted(own.keys, keys)
    factors = np.zeros((len(keys), own.factors.shape[1]), np.float32)
    factors[found] = own.factors[position[found]]
    origin = np.where(found, OWN, POPULAR)
    is_shared = np.isin(keys, own.keys[own.shared])
    for other in others:
        place, there = find_sorted(other.keys[other.shared], keys)
        is_shared |= there
        new = there & (origin == POPULAR)
        factors[new] = other.z[place[new]]
        origin[new] = SHARED
    _add_means(others, keys, factors, origin)
    if not transfers:
        factors[origin != OWN] = 0
    return Users(factors, origin, is_shared, _seen(histories, position, found))


def _add_means(others: Sequence[Known], keys: Indexes, factors: Matrix, origin: Indexes) -> None:
    """Give the users without a row the mean of their rows in other domains, if there are any.

    The sums are float64, in the order of the domains' names.
    """
    rest = np.flatnonzero(origin == POPULAR)
    sums, counts = np.zeros((len(rest), factors.shape[1])), np.zeros(len(rest), np.int64)
    for other in others:
        place, there = find_sorted(other.keys, keys[rest])
        sums[there] += other.factors[place[there]]
        counts += there
    some = counts > 0
    factors[rest[some]] = sums[some] / counts[some, None]
    origin[rest[some]] = FOREIGN


def _seen(histories: Histories, position: Indexes, found: Mask) -> Lists:
    """Keys of the items that each user has in train, in the order of their numbers."""
    lengths = np.zeros(len(found), np.int64)
    if not found.any():
        return Lists(offsets_of(lengths), np.empty(0, np.int64))
    taken = histories.cells.take(position[found])
    lengths[found] = taken.lengths
    return Lists(offsets_of(lengths), histories.columns[taken.values])
