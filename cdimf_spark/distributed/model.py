"""The published model of an output folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.baselines.comparison import (
    BASELINES,
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
from cdimf_spark.distributed.input.given import Domains, Source, called, given_rows
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.published import FactorTables, PublishedModel
from cdimf_spark.distributed.scorer import Scorer
from cdimf_spark.distributed.session import build_session
from cdimf_spark.evaluation.groups import GROUPINGS
from cdimf_spark.evaluation.protocol import Lengths, Negatives, Protocol
from cdimf_spark.progress import showing
from cdimf_spark.reports.results import Comparison, History, Overlap
from cdimf_spark.schemas import DOMAIN, USER_ID


class CDIMFModel(FactorTables, Scorer):
    """The published model of an output folder: what `CDIMF.fit` and `CDIMFModel.load` return.

    Parameters
    ----------
    published
        The tables of the output folder, opened.

    Examples
    --------
    >>> model = CDIMFModel.load("models/shops")
    >>> model.recommend("sport", users=["anna", "boris"], k=5).show()
    """

    def __init__(self, published: PublishedModel) -> None:
        FactorTables.__init__(self, OutputTables(published.spark, published.path))
        Scorer.__init__(self, published.tables)
        self._published = published

    def __repr__(self) -> str:
        """Name the folder, the domains and the rank."""
        return f"CDIMFModel({self.path!r}, domains={', '.join(self.domains)}, rank={self.rank})"

    @classmethod
    @public
    def load(cls, path: str | os.PathLike[str], spark: SparkSession | None = None) -> Self:
        """Open the model in the output folder of a training.

        Parameters
        ----------
        path : str or os.PathLike
            The output folder.
        spark : SparkSession or None
            None: the active session, or a new one (`build_session`).

        Raises
        ------
        DataError
            If the folder has no published model.
        ConfigurationError
            If another version of the package wrote it in a form that this one cannot read.
        """
        return cls(PublishedModel(spark or build_session(), path))

    @property
    def path(self) -> str:
        """The output folder."""
        return self._published.path

    @property
    def config(self) -> TrainConfig:
        """The options that it was trained with."""
        return self._published.config

    @property
    def run_id(self) -> str:
        """Name of the training that published it, as in the tables."""
        return self._published.run.run_id

    @property
    def history(self) -> History:
        """Metrics of the training by iteration; the published table `history` has the same."""
        return History(self._published.run.iterations)

    def overlap(self) -> Overlap:
        """How many users each subset of the domains has."""
        groups = self.user_factors.groupBy(USER_ID).agg(F.sort_array(F.collect_set(DOMAIN)))
        rows = groups.toDF(USER_ID, "domains").groupBy("domains").count().collect()
        return Overlap({tuple(row["domains"]): row["count"] for row in rows})

    @public
    def users_of(self, domain: str) -> DataFrame:
        """Users that have interactions in a domain: user_id."""
        self.check_domains([domain])
        return self.user_factors.where(F.col(DOMAIN) == domain).select(USER_ID)

    @public
    def baseline(self, name: str) -> Scorer:
        """What a simpler method makes of the same interactions; nothing is written.

        Parameters
        ----------
        name : str
            ``popularity`` (every item scores with its number of interactions), ``separate`` (ALS of
            each domain for itself), ``pooled`` (ALS of all domains as one, with the options and the
            number of iterations of this model) or ``mllib`` (the same by Spark's own ALS).

        Returns
        -------
        Scorer
            Evaluates and recommends as a model does, and knows the same users.

        Raises
        ------
        ConfigurationError
            If there is no such baseline.

        Examples
        --------
        >>> model.baseline("separate").evaluate({"sport": sport_test}, k=10)
        """
        (known,) = check_baselines([name])
        return Scorer(BASELINES[known](self._published))

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
            return Comparison(compare(self._published, tests, protocol, baselines))

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
        self.check_domains([domain])
        rows = given_rows(self._spark, interactions, domain, "the interactions")
        origin = called(interactions, "the interactions")
        return fold_in(self._published, domain, rows, side, complete, origin)

    @public
    def explain(self, domain: str, pairs: Source, count: int = 10) -> DataFrame:
        """What the scores of pairs (user_id, item_id) are made of: see `explain.explain`.

        Examples
        --------
        >>> model.explain("sport", model.recommend("sport", users=["anna"], k=3)).show()
        """
        self.check_domains([domain])
        rows = given_rows(self._spark, pairs, domain, "the pairs", with_weight=False)
        return explain(self._published, domain, rows, count, called(pairs, "the pairs"))

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
        return export_arrays(self._published, path, domains, overwrite)

    @public
    def export_index(
        self,
        path: str,
        domains: Sequence[str] | None = None,
        format: str = "delta",
        overwrite: bool = False,
    ) -> None:
        """Write the model as tables for a vector index, see `index_tables.export_index`."""
        export_index(self._published, path, domains, format, overwrite)
