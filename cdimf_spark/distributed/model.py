"""The published model of an output folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.baselines.comparison import USUAL_BASELINES, compare
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.evaluation.checked_tests import CheckedTests
from cdimf_spark.distributed.evaluation.groups import GROUPINGS
from cdimf_spark.distributed.evaluation.protocol import Lengths, Negatives, Protocol
from cdimf_spark.distributed.export.export_arrays import export_arrays
from cdimf_spark.distributed.export.index_tables import export_index
from cdimf_spark.distributed.fold_in.explain import explain
from cdimf_spark.distributed.fold_in.fold_in import fold_in
from cdimf_spark.distributed.input.validation import PROBLEM, annotate
from cdimf_spark.distributed.output.runs import Run, last_run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.scorer import Scorer
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, Sizes, Sources
from cdimf_spark.distributed.session import build_session
from cdimf_spark.distributed.training.iteration import EXCHANGE_KINDS, only
from cdimf_spark.distributed.training.resuming import check_format
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.errors import DataError
from cdimf_spark.schemas import BLOCK_COLUMNS, DOMAIN, USER_ID


class CDIMFModel(Scorer):
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

    def __init__(self, spark: SparkSession, path: str, run: Run | None = None) -> None:
        self.path = path
        self._output = OutputTables(spark, path)
        run = run or last_run(self._output, published=True)
        if run is None:
            raise DataError(
                f"no published model in {path!r}: check the spelling, or finish its training "
                "(jobs/train_cdimf.py --output DIR, with --resume after a stop)"
            )
        check_format(run, "open the model of", "train again")
        self.run = run
        self.config = TrainConfig.from_dict(run.details["config"])
        super().__init__(_scoring_tables(self._output, run, self.config))

    def __repr__(self) -> str:
        """Name the folder, the domains and the rank."""
        return f"CDIMFModel({self.path!r}, domains={', '.join(self.domains)}, rank={self.rank})"

    @classmethod
    def load(cls, path: str, spark: SparkSession | None = None) -> Self:
        """Open a model; without a session the active one is taken, or a new one is built."""
        return cls(spark or SparkSession.getActiveSession() or build_session(), path)

    @property
    def user_factors(self) -> DataFrame:
        """Rows that score the users of each domain: domain, user_id, factors."""
        return self._output.read("user_factors")

    @property
    def item_factors(self) -> DataFrame:
        """Rows of the items: domain, item_id, factors."""
        return self._output.read("item_factors")

    @property
    def shared_factors(self) -> DataFrame:
        """Consensus rows of the users of several domains: user_id, factors."""
        return self._output.read("shared_factors")

    @property
    def history(self) -> DataFrame:
        """Metrics of the training, a row an iteration."""
        return self._output.read("history")

    def users_of(self, domain: str) -> DataFrame:
        """Users that have interactions in a domain: user_id."""
        self.tables.check_domains([domain])
        return self.user_factors.where(F.col(DOMAIN) == domain).select(USER_ID)

    def blocks(self) -> DataFrame:
        """Packed interactions of the training: ``BLOCK_ROW`` and `side`."""
        return WorkingTables(self._output, self.run.run_id).read_blocks()

    def exchanged_blocks(self) -> DataFrame | None:
        """X + U of the shared users as packed rows: what the published consensus was made of.

        None where no user is shared.
        """
        if self._output.find("exchange") is None:
            return None
        published = self.run.published or 0
        aggregated = published - published % self.config.model.aggregation_period
        working = WorkingTables(self._output, self.run.run_id)
        claim = self.run.writers[aggregated - 1]
        return only(working.read("exchange", aggregated, claim), *EXCHANGE_KINDS)

    def compare(
        self,
        tests: Mapping[str, DataFrame] | DataFrame | CheckedTests,
        k: Lengths = 10,
        negatives: Negatives = 999,
        seed: int = 0,
        by: Sequence[str] = GROUPINGS,
        baselines: Sequence[str] = USUAL_BASELINES,
    ) -> dict[str, Any]:
        """Measure the model and baselines on the same test rows: see `comparison.compare`.

        Examples
        --------
        >>> found = model.compare({"sport": sport_test, "cloth": cloth_test}, negatives="all")
        >>> found["domains"]["sport"]["differences"]["separate"]["at"]["10"]["ndcg"]
        """
        return compare(self, tests, Protocol.of(k, negatives, seed, by), baselines)

    def fold_in(
        self, domain: str, interactions: DataFrame, side: str = "user", complete: bool = False
    ) -> DataFrame:
        """Rows of users (or items) from new interactions, without training: see `fold_in.fold_in`.

        Parameters
        ----------
        interactions
            user_id, item_id and, if wanted, weight (default 1).
        side
            Whose rows: user or item.
        complete
            The interactions are all that count; else they are added to those of the training.

        Examples
        --------
        >>> model.fold_in("sport", new_purchases).show()
        """
        annotated = PROBLEM in interactions.columns
        rows = interactions if annotated else annotate(interactions, domain)
        return fold_in(self, domain, rows, side, complete)

    def explain(self, domain: str, pairs: DataFrame, count: int = 10) -> DataFrame:
        """What the scores of pairs (user_id, item_id) are made of: see `explain.explain`.

        Examples
        --------
        >>> model.explain("sport", model.recommend("sport", users=["anna"], k=3)).show()
        """
        annotated = PROBLEM in pairs.columns
        return explain(
            self, domain, pairs if annotated else annotate(pairs, domain, with_weight=False), count
        )

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

    def export_index(
        self,
        path: str,
        domains: Sequence[str] | None = None,
        form: str = "delta",
        overwrite: bool = False,
    ) -> None:
        """Write the model as tables for a vector index, see `index_tables.export_index`."""
        export_index(self, path, domains, form, overwrite)

    @property
    def layout(self) -> Layout:
        """Where the packed interactions lie."""
        return self.tables.layout


def _scoring_tables(output: OutputTables, run: Run, config: TrainConfig) -> ScoringTables:
    names = tuple(sorted(domain.name for domain in config.domains))
    coupled = (config.model.for_domain(domain) for domain in config.domains)
    working = WorkingTables(output, run.run_id)
    with ThreadPoolExecutor() as pool:
        blocks, factors = pool.map(lambda read: read(), (working.read_blocks, working.read_factors))
    rows = blocks.select("side", *BLOCK_COLUMNS).union(factors.select("side", *BLOCK_COLUMNS))
    return ScoringTables(
        users=rows.where("side = 'user'"),
        items=rows.where("side = 'item'"),
        layout=Layout.from_dict(names, run.details["layout"]),
        sizes=Sizes(**run.sizes),
        sources=Sources(frozenset(domain.name for domain in coupled if domain.rho > 0)),
        rank=config.model.rank,
    )
