"""An exported model, to serve one user at a time: no Spark, no copy of the factors in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.errors import UnknownDomainError, ValueOutOfRangeError
from cdimf_spark.kernel.augmentation import augment_items, augment_users, largest_length
from cdimf_spark.serving.arguments import check_id, check_row, check_rows
from cdimf_spark.serving.explanation import Explanation, explain_score
from cdimf_spark.serving.exported_domain import ExportedDomain
from cdimf_spark.serving.fold_in import FoldedRow, Interactions, solve_item, solve_user
from cdimf_spark.serving.known_users import KnownUsers, UserRow
from cdimf_spark.serving.lists import Recommended, best_items_of
from cdimf_spark.serving.manifest import Manifest, read_manifest
from cdimf_spark.serving.row_table import RowTable

Matrix = NDArray[np.float32]


class ServingModel:
    """A folder of arrays that ``jobs/export.py`` or `CDIMFModel.export` wrote.

    Opening reads nothing but a small file: the arrays are mapped into memory and shared by all
    processes that open them. Safe to use from several threads.

    Examples
    --------
    >>> model = ServingModel.open("exports/shops")
    >>> model.recommend("sport", "anna", k=5, exclude=["ball", "bat"])
    >>> row = model.fold_in("sport", {"ball": 1.0, "bat": 2.0})  # somebody new
    >>> model.recommend_row("sport", row.factors, k=5, exclude=["ball", "bat"])
    >>> row = model.fold_in("sport", ["ball"], user_id="anna")  # pulled to her consensus
    >>> model.explain("sport", "anna", "racket", {"ball": 1.0, "bat": 2.0}).contributions[:3]

    Parameters
    ----------
    manifest
        Scalars of the model.
    domains
        Tables by name.
    shared
        Consensus of the shared users.
    path
        Folder of the export; None: all is in memory.
    """

    def __init__(
        self,
        manifest: Manifest,
        domains: Mapping[str, ExportedDomain],
        shared: RowTable,
        path: Path | None = None,
    ) -> None:
        self.path = path
        self.manifest, self.rank, self.run_id = manifest, manifest.rank, manifest.run_id
        self._domains, self.shared = dict(sorted(domains.items())), shared
        self._known = KnownUsers(self._domains, shared, self.rank)

    def __repr__(self) -> str:
        """Name the folder, the domains and the rank."""
        where = "" if self.path is None else f"{str(self.path)!r}, "
        return f"ServingModel({where}domains={', '.join(self.domains)}, rank={self.rank})"

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open an export.

        Raises
        ------
        DataError
            If the folder has no export, or one that this package cannot read.
        """
        folder = Path(path)
        manifest = read_manifest(folder)
        domains = {
            name: ExportedDomain.open(folder, name, entry)
            for name, entry in manifest.domains.items()
        }
        return cls(manifest, domains, RowTable.open(folder, "shared"), folder)

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains."""
        return tuple(self._domains)

    def domain(self, name: str) -> ExportedDomain:
        """Tables of a domain.

        Raises
        ------
        ConfigurationError
            If there is no such domain.
        """
        if not isinstance(name, str) or name not in self._domains:
            raise UnknownDomainError(name, self.domains)
        return self._domains[name]

    def prepare(self, domain: str) -> None:
        """Do now what the first fold-in would do: eigenbases, and compiling for this machine."""
        tables = self.domain(domain)
        first_item, first_user = tables.items.id_of(0), tables.users.id_of(0)
        self.fold_in(domain, [first_item])
        self.fold_in_item(domain, [first_user])

    def user_row(self, domain: str, user_id: str) -> UserRow:
        """Find the row that scores a user, as ``jobs/recommend.py`` does.

        Their row of the domain (``own``), else the consensus (``shared``), else the mean of their
        rows in other domains (``foreign``).

        Raises
        ------
        DataError
            If no domain knows them, or the id is not a text.
        """
        return self._known.row(self.domain(domain), check_id(user_id, "user"))

    def recommend(
        self, domain: str, user_id: str, k: int = 10, exclude: Iterable[str] = ()
    ) -> list[Recommended]:
        """List the k best items for a user.

        Parameters
        ----------
        exclude
            Items to leave out: as a rule those that they have. Unknown ones are no error; the log
            says how many they are, as a warning if all are.

        Raises
        ------
        DataError
            If nobody knows the user (fold them in), or `exclude` is not several ids.
        ValueOutOfRangeError
            If k is not between 1 and the size of the catalogue.
        """
        row = self.user_row(domain, user_id)
        return best_items_of(self.domain(domain), row, k, exclude)

    def recommend_row(
        self, domain: str, factors: Matrix, k: int = 10, exclude: Iterable[str] = ()
    ) -> list[Recommended]:
        """List the k best items for a row that `fold_in` made.

        Raises
        ------
        DataError
            If the row is not `rank` finite numbers, or `exclude` is not several ids.
        ValueOutOfRangeError
            If k is not between 1 and the size of the catalogue.
        """
        row = UserRow(check_row(factors, self.rank), "folded")
        return best_items_of(self.domain(domain), row, k, exclude)

    def fold_in(
        self,
        domain: str,
        interactions: Interactions,
        user_id: str | None = None,
        pull: bool = True,
    ) -> FoldedRow:
        """Make the row of a user from their interactions, with the items as they are.

        Parameters
        ----------
        interactions
            All of their interactions that count, old and new: weights by item id, or ids (weight
            1).
        user_id
            A user whom the model may know: they are pulled to the consensus as in the training, or,
            if they are new to this domain, to what other domains know of them. None: a new user.
        pull
            False: no pull, whoever they are.

        Returns
        -------
        FoldedRow
            Within 1e-5 of the exact solution of their row equation.

        Raises
        ------
        DataError
            If there is no interaction, all items are unknown, an id is not a text, or a weight is
            not a finite number from 0.
        ValueOutOfRangeError
            If `pull` is not True or False.
        """
        tables = self.domain(domain)
        if not isinstance(pull, bool):
            raise ValueOutOfRangeError("pull", pull, "True or False")
        if user_id is not None:
            check_id(user_id, "user")
        cells = tables.item_cells(interactions)
        target = self._known.pull(tables, user_id if pull else None)
        src = tables.items.factors[cells.positions]
        rules = tables.manifest.rules
        row = solve_user(cells, src, tables.item_basis, rules, target, tables.user_prior)
        return FoldedRow(row, target.source, len(cells.ids), cells.unknown)

    def fold_in_item(self, domain: str, interactions: Interactions) -> FoldedRow:
        """Make the row of an item from all of its interactions, with the users as they are.

        `interactions` are weights by user id, or ids; what is raised is as for `fold_in`.
        """
        tables = self.domain(domain)
        cells = tables.user_cells(interactions)
        src = tables.users.factors[cells.positions]
        weights = tables.user_weights(cells.positions)
        row = solve_item(cells, src, weights, tables.user_basis, tables.manifest.rules)
        return FoldedRow(row, "none", len(cells.ids), cells.unknown)

    def explain(
        self, domain: str, user_id: str, item_id: str, interactions: Interactions
    ) -> Explanation:
        """Take a score apart: what each of the user's items adds, and what the consensus does.

        A user whom the domain knows is explained with the row that scores them; anybody else is
        folded in (source ``folded``).

        `interactions` and what is raised are as for `fold_in`; DataError also for an item that the
        domain does not have.
        """
        tables = self.domain(domain)
        check_id(user_id, "user")
        check_id(item_id, "item")
        cells, pull = tables.item_cells(interactions), self._known.pull(tables, user_id)
        row = tables.users.row_of(user_id)
        return explain_score(tables, user_id, item_id, cells, pull, row)

    def item_vectors(self, domain: str) -> Matrix:
        """Item rows for an index of cosines, float32 (n_items, rank + 1); see `augmentation`."""
        factors = self.domain(domain).items.factors
        return augment_items(factors, largest_length(factors))

    def user_vectors(self, factors: Matrix) -> Matrix:
        """User rows float32 (n, rank) as queries to that index, float32 (n, rank + 1).

        Raises
        ------
        DataError
            If they are not rows of `rank` finite numbers.
        """
        return augment_users(check_rows(factors, self.rank))
