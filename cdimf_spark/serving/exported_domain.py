"""One domain of an exported model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.errors import DataError
from cdimf_spark.kernel.rows.least_squares import GramBasis, gram_basis
from cdimf_spark.serving.fold_in import Cells, Interactions, read_interactions
from cdimf_spark.serving.manifest import DomainManifest
from cdimf_spark.serving.row_table import RowTable

Matrix = NDArray[np.float32]

ITEM_MARK, USER_MARK = "interactions", "shared"


def domain_folder(root: Path, name: str) -> Path:
    """Folder of a domain's tables."""
    return root / "domains" / name


class ExportedDomain:
    """Tables of a domain.

    Attributes
    ----------
    items, users, exchanged : RowTable
        Item rows with their numbers of interactions; the rows that score users, and who is shared;
        X + U of the shared users.
    manifest : DomainManifest
        Scalars.
    """

    def __init__(
        self,
        name: str,
        manifest: DomainManifest,
        items: RowTable,
        users: RowTable,
        exchanged: RowTable,
    ) -> None:
        self.name, self.manifest = name, manifest
        self.items, self.users, self.exchanged = items, users, exchanged

    @classmethod
    def open(cls, root: Path, name: str, manifest: DomainManifest) -> Self:
        """Map the tables of an export."""
        folder = domain_folder(root, name)
        return cls(
            name,
            manifest,
            RowTable.open(folder, "items", ITEM_MARK),
            RowTable.open(folder, "users", USER_MARK),
            RowTable.open(folder, "exchanged"),
        )

    @cached_property
    def item_gram(self) -> NDArray[np.float64]:
        """Gram matrix of the items."""
        return self.items.gram

    @cached_property
    def item_basis(self) -> GramBasis:
        """Eigenbasis of the Gram matrix of the items, for users."""
        return gram_basis(self.item_gram)

    @cached_property
    def user_prior(self) -> NDArray[np.float32] | None:
        """Where the ridge draws users to, float32 (rank,); None: to zero."""
        return self.manifest.rules.prior_of(self.users.sum)

    @cached_property
    def user_basis(self) -> GramBasis:
        """Eigenbasis of the (weighted) Gram matrix of the users, for items."""
        return gram_basis(self.users.gram)

    def item_cells(self, interactions: Interactions) -> Cells:
        """Interactions of a user."""
        return _find_cells(self.items, read_interactions(interactions, "item"), "item", self.name)

    def user_cells(self, interactions: Interactions) -> Cells:
        """Interactions of an item."""
        return _find_cells(self.users, read_interactions(interactions, "user"), "user", self.name)

    def user_weights(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """What users weigh where items are solved."""
        weights = np.where(self.users.marks[positions] != 0, self.manifest.shared_user_weight, 1.0)
        return weights.astype(np.float32)

    def item_positions(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Positions of items.

        Raises
        ------
        DataError
            If the domain has no such item.
        """
        positions, known = self.items.find(ids)
        if not known.all():
            unknown = ids[int(np.argmin(known))]
            raise DataError(f"domain {self.name!r} has no item {unknown!r}")
        return positions


def _find_cells(table: RowTable, weights: dict[str, float], noun: str, domain: str) -> Cells:
    ids = list(weights)
    positions, known = table.find(ids)
    if not known.any():
        raise DataError(
            f"domain {domain!r} has none of the {len(ids)} {noun} ids, the first is {ids[0]!r}: "
            "are they ids of this domain?"
        )
    kept = np.flatnonzero(known)
    return Cells(
        ids=tuple(ids[i] for i in kept),
        weights=np.array([weights[ids[i]] for i in kept], np.float32),
        positions=positions[kept],
        unknown=tuple(ids[i] for i in np.flatnonzero(~known)),
    )
