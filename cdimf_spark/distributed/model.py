"""The published model of an output folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.baselines.comparison import (
    USUAL_BASELINES,
    check_baselines,
    compare,
)
from cdimf_spark.distributed.evaluation.checked_tests import CheckedTests
from cdimf_spark.distributed.export.export_arrays import export_arrays
from cdimf_spark.distributed.export.index_tables import export_index
from cdimf_spark.distributed.failures import public
from cdimf_spark.distributed.fold_in.explain import explain
from cdimf_spark.distributed.fold_in.fold_in import fold_in
from cdimf_spark.distributed.input.given import Domains, Source, given_rows
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.session import build_session
from cdimf_spark.evaluation.groups import GROUPINGS
from cdimf_spark.evaluation.protocol import Lengths, Negatives, Protocol
from cdimf_spark.progress import showing
from cdimf_spark.reports.results import Comparison


class CDIMFModel(PublishedModel):
    """The published model of an output folder.

    Parameters
    ----------
    spark
        The session.
    path
        Output folder of a training.
    run
        Its published run, where the caller knows it.

    Raises
    ------
    DataError
        If the folder has no published model.
    ConfigurationError
        If another version of the package wrote it in a form that this one cannot read.

    Examples
    --------
    >>> model = CDIMFModel.load("models/shops")
    >>> model.recommend("sport", users=["anna", "boris"], k=5).show()
    """

    def __repr__(self) -> str:
        """Name the folder, the domains and the rank."""
        return f"CDIMFModel({self.path!r}, domains={', '.join(self.domains)}, rank={self.rank})"

    @classmethod
    @public
    def load(cls, path: str | os.PathLike[str], spark: SparkSession | None = None) -> Self:
        """Open a model; without a session the active one is taken, or a new one is built."""
        return cls(spark or build_session(), path)

    @public
    def compare(
        self,
        tests: Domains | CheckedTests,
        k: Lengths = 10,
        negatives: Negatives = 999,
        seed: int = 0,
        by: Sequence[str] = GROUPINGS,
        baselines: Sequence[str] = USUAL_BASELINES,
        verbose: bool = True,
    ) -> Comparison:
        """Measure the model and baselines on the same test rows: see `comparison.compare`.

        The result is a mapping in the layout of `compare` that prints as tables; with `to_pandas`,
        `to_dict` and `plot`. `verbose` is as in `CDIMF.fit`.

        Examples
        --------
        >>> found = model.compare({"sport": sport_test, "cloth": cloth_test}, negatives="all")
        >>> found["domains"]["sport"]["differences"]["separate"]["at"]["10"]["ndcg"]
        """
        protocol = Protocol.of(k, negatives, seed, by)
        with showing(verbose, len(check_baselines(baselines)) + 1, "model"):
            return Comparison(compare(self, tests, protocol, baselines))

    @public
    def fold_in(
        self, domain: str, interactions: Source, side: str = "user", complete: bool = False
    ) -> DataFrame:
        """Rows of users (or items) from new interactions, without training: see `fold_in.fold_in`.

        Parameters
        ----------
        interactions
            user_id, item_id and, if wanted, weight (default 1): a frame of Spark, pandas or
            Arrow, or the path of one.
        side
            Whose rows: user or item.
        complete
            The interactions are all that count; else they are added to those of the training.

        Examples
        --------
        >>> model.fold_in("sport", new_purchases).show()
        """
        self.tables.check_domains([domain])
        rows = given_rows(self._spark, interactions, domain, "the interactions")
        return fold_in(self, domain, rows, side, complete)

    @public
    def explain(self, domain: str, pairs: Source, count: int = 10) -> DataFrame:
        """What the scores of pairs (user_id, item_id) are made of: see `explain.explain`.

        Examples
        --------
        >>> model.explain("sport", model.recommend("sport", users=["anna"], k=3)).show()
        """
        self.tables.check_domains([domain])
        rows = given_rows(self._spark, pairs, domain, "the pairs", with_weight=False)
        return explain(self, domain, rows, count)

    @public
    def export(
        self, path: str, domains: Sequence[str] | None = None, overwrite: bool = False
    ) -> Path:
        """Write the model as arrays for serving without Spark, see `export_arrays`.

        Examples
        --------
        >>> CDIMFModel.load("models/shops").export("exports/shops")
        >>> ServingModel.open("exports/shops").recommend("sport", "anna")
        """
        return export_arrays(self, path, domains, overwrite)

    @public
    def export_index(
        self,
        path: str,
        domains: Sequence[str] | None = None,
        format: str = "delta",
        overwrite: bool = False,
    ) -> None:
        """Write the model as tables for a vector index, see `index_tables.export_index`."""
        export_index(self, path, domains, format, overwrite)
