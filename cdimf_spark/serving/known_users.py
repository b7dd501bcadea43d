"""Which row scores a user in a domain, and where a fold-in pulls them to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.errors import DataError
from cdimf_spark.serving.exported_domain import ExportedDomain
from cdimf_spark.serving.fold_in import Pull
from cdimf_spark.serving.row_table import RowTable

Matrix = NDArray[np.float32]


class UserRow(NamedTuple):
    """The row that scores a user, float32 (rank,), and where it comes from."""

    factors: Matrix
    source: str


class KnownUsers(NamedTuple):
    """What the domains of a model know about users.

    Attributes
    ----------
    domains
        Tables by name, in the order of the names.
    shared
        Consensus of the shared users.
    rank
        Length of a row.
    """

    domains: Mapping[str, ExportedDomain]
    shared: RowTable
    rank: int

    def row(self, domain: ExportedDomain, user_id: str) -> UserRow:
        """Find the row that scores a user; see `ServingModel.user_row`."""
        own = domain.users.row_of(user_id)
        if own is not None:
            return UserRow(own, "own")
        pull = self.pull(domain, user_id)
        if pull.source == "none":
            raise DataError(f"no domain of the model that could help knows user {user_id!r}")
        return UserRow(pull.z, pull.source)

    def pull(self, domain: ExportedDomain, user_id: str | None) -> Pull:
        """Find where a user is pulled to in a domain; None: a new user, who is not pulled."""
        if user_id is None or not domain.manifest.coupled:
            return Pull.none(self.rank)
        z = self.shared.row_of(user_id)
        if z is not None:
            exchanged = domain.exchanged.row_of(user_id)
            return Pull("shared", z, z if exchanged is None else exchanged)
        if domain.users.row_of(user_id) is not None:
            return Pull.none(self.rank)
        return self._mean_elsewhere(user_id)

    def _mean_elsewhere(self, user_id: str) -> Pull:
        """Pull a user to the mean of their rows in the domains that are coupled."""
        coupled = (one for one in self.domains.values() if one.manifest.coupled)
        rows = [row for one in coupled if (row := one.users.row_of(user_id)) is not None]
        if not rows:
            return Pull.none(self.rank)
        mean = np.array(np.mean(rows, axis=0, dtype=np.float64), np.float32)
        return Pull("foreign", mean, mean)
