"""A model on one machine: what `CDIMFModel` does on Spark, from arrays in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pandas as pd

from cdimf_spark.local.audit import audit
from cdimf_spark.local.saving import read_training, save
from cdimf_spark.local.scorer import LocalScorer
from cdimf_spark.local.scoring_data import Training
from cdimf_spark.reports.results import Audit, History
from cdimf_spark.schemas import ITEM_ID, USER_ID
from cdimf_spark.serving.explanation import Explanation
from cdimf_spark.serving.fold_in import FoldedRow, Interactions
from cdimf_spark.serving.lists import Recommended
from cdimf_spark.serving.serving_model import ServingModel


class LocalCDIMFModel(LocalScorer):
    """A model that `LocalCDIMF` fitted, or that was saved or exported.

    Parameters
    ----------
    serving
        Its tables: they serve one user at a time, see `ServingModel`.
    training
        What it was made of; None if that is not known.

    Examples
    --------
    >>> model = LocalCDIMFModel.open("models/shops")
    >>> model.recommend("sport", users=["anna", "boris"], k=5)
    >>> model.explain("sport", "anna", "racket").contributions[:3]
    """

    def __repr__(self) -> str:
        """Name the domains and the rank."""
        return f"LocalCDIMFModel(domains={', '.join(self.domains)}, rank={self.rank})"

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a model that `save` or `CDIMFModel.export` wrote; factors stay on the disk.

        An export of a model on Spark has no interactions: it cannot evaluate, and its lists need
        ``keep_seen=True``.

        Raises
        ------
        DataError
            If the folder has none, or it is damaged.
        """
        serving = ServingModel.open(path)
        return cls(serving, read_training(serving, path))

    def save(self, path: str | Path, *, interactions: bool = True, overwrite: bool = False) -> Path:
        """Write the model as a folder that `open` and `ServingModel.open` read.

        Parameters
        ----------
        interactions
            With what users have in train. False: an export for serving, without who bought what.
        overwrite
            Replace an earlier model there.

        Raises
        ------
        ConfigurationError
            If there is something at the path that must not be replaced.
        """
        training = self._data.training if interactions else None
        return save(self.serving, training, path, overwrite)

    @property
    def training(self) -> Training:
        """What the model was made of.

        Raises
        ------
        DataError
            If that is not known.
        """
        return self._data.training

    @property
    def history(self) -> History:
        """Metrics of the training by iteration."""
        return History(self._data.training.history)

    def user_factors(self, domain: str) -> pd.DataFrame:
        """Rows that score the users of a domain, float32 (n_users, rank), by user id."""
        table = self.serving.domain(domain).users
        index = pd.Index(table.id_texts.to_pandas(), name=USER_ID)
        return pd.DataFrame(table.factors, index)

    def item_factors(self, domain: str) -> pd.DataFrame:
        """Rows of the items of a domain, float32 (n_items, rank), by item id."""
        table = self.serving.domain(domain).items
        index = pd.Index(table.id_texts.to_pandas(), name=ITEM_ID)
        return pd.DataFrame(table.factors, index)

    def explain(
        self, domain: str, user_id: str, item_id: str, interactions: Interactions | None = None
    ) -> Explanation:
        """Take a score apart, see `ServingModel.explain`.

        `interactions` of the user are those of the training if left out.
        """
        if interactions is None:
            interactions = self._data.history_of(domain, user_id)
        return self.serving.explain(domain, user_id, item_id, interactions)

    def audit(
        self,
        domain: str,
        reader: str | None = None,
        known: Sequence[float] | float | None = None,
        held_out: int = 1000,
        seed: int = 0,
    ) -> Audit:
        """Measure what a reader of the exchanged rows learns of a domain's shared users.

        The reader knows the histories of some shared users, learns maps from rows to items on
        them, and applies these to others (`cdimf_spark.audit.membership`). As baseline it does the
        same with the rows of a model of its own data alone, which needs no exchange.

        Parameters
        ----------
        domain
            Whose users.
        reader
            Another domain; by default the one with most users in common.
        known
            Shares of the common users whose histories the reader knows, each between 0 and 1; one
            or several. None: .01, .1 and .5, but for those that are fewer than 20 users.
        held_out
            Users on which the maps are tried, 20 or more; at most half of the common ones.
        seed
            Of the draws of users and pairs.

        Returns
        -------
        Audit
            Read like a dict and printed as tables, with `plot`. ``audit["attacks"]`` has for each
            share of known histories and each kind of rows (own, E, z) auc, precision_at_10,
            tpr_at_0.001_fpr with the ends of their 95 % intervals, and coverage.

        Raises
        ------
        ConfigurationError
            If there is no such domain, or a number is out of range.
        DataError
            If too few users are in common, or `known` leaves too few, or the interactions of the
            training are not known.
        """
        return Audit(audit(self._data, domain, reader, known, held_out, seed))

    def fold_in(
        self,
        domain: str,
        interactions: Interactions,
        user_id: str | None = None,
        pull: bool = True,
    ) -> FoldedRow:
        """Make the row of a user from all of their interactions: see `ServingModel.fold_in`."""
        return self.serving.fold_in(domain, interactions, user_id, pull)

    def fold_in_item(self, domain: str, interactions: Interactions) -> FoldedRow:
        """Make the row of an item from all of its interactions: see `ServingModel`."""
        return self.serving.fold_in_item(domain, interactions)

    def recommend_row(
        self, domain: str, row: FoldedRow, k: int = 10, exclude: Sequence[str] = ()
    ) -> list[Recommended]:
        """List the k best items for a row that `fold_in` made, without those of `exclude`."""
        return self.serving.recommend_row(domain, row.factors, k, exclude)
