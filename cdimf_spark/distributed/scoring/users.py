"""Requested users of one user block: the row that scores each, and what he has seen.

A task has the packed rows of a block number of all domains, since users of all domains are cut
alike: whatever is known about a user anywhere is there, and found by his key. No user is joined.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.blocks.ragged import Lists, offsets_of
from cdimf_spark.distributed.scoring.item_group import check_rows
from cdimf_spark.distributed.scoring.scoring_tables import FOREIGN, OWN, POPULAR, SHARED, Sources
from cdimf_spark.kernel.scoring import find_sorted

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
        Whether several domains have him.
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
    """The users of one domain and block: keys, rows, which are shared, and their consensus."""

    keys: Indexes
    factors: Matrix
    shared: Indexes
    z: Matrix


def find_users(static: pa.Table, domain: str, keys: Indexes, sources: Sources, rank: int) -> Users:
    """Find the rows of users in a domain: his own, else the consensus, else the mean elsewhere.

    Parameters
    ----------
    static
        Packed rows of one block number of the domains of `Sources.domains_for` at least.
    keys : int64 (n_users,)
        Keys of the users, ascending and distinct.
    """
    own = _known(static, domain, rank)
    position, found = find_sorted(own.keys, keys)
    factors = np.zeros((len(keys), rank), np.float32)
    factors[found] = own.factors[position[found]]
    origin = np.where(found, OWN, POPULAR)
    others = [_known(static, name, rank) for name in sources.domains_for(domain) if name != domain]
    is_shared = np.isin(keys, own.keys[own.shared])
    for other in others:
        place, there = find_sorted(other.keys[other.shared], keys)
        is_shared |= there
        new = there & (origin == POPULAR)
        factors[new] = other.z[place[new]]
        origin[new] = SHARED
    _add_means(others, keys, factors, origin)
    if not sources.transfers:
        factors[origin != OWN] = 0
    return Users(factors, origin, is_shared, _seen(static, domain, position, found))


def _known(static: pa.Table, domain: str, rank: int) -> Known:
    keys = decode(static, "keys", domain=domain)
    factors = decode_matrix(static, "factors", rank, domain=domain)
    check_rows(factors, len(keys), "user")
    shared = decode(static, "shared", domain=domain).astype(np.int64)
    z = decode_matrix(static, "z", rank, domain=domain)
    return Known(keys, factors, shared, z if len(z) == len(shared) else factors[shared])


def _add_means(others: list[Known], keys: Indexes, factors: Matrix, origin: Indexes) -> None:
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


def _seen(static: pa.Table, domain: str, position: Indexes, found: Mask) -> Lists:
    """Keys of the items that each user has in train, in the order of their numbers."""
    lengths = np.zeros(len(found), np.int64)
    if not found.any():
        return Lists(offsets_of(lengths), np.empty(0, np.int64))
    arrays = (decode(static, kind, domain=domain) for kind in ("indptr", "indices"))
    taken = Lists(*arrays).take(position[found])
    lengths[found] = taken.lengths
    return Lists(offsets_of(lengths), decode(static, "columns", domain=domain)[taken.values])
