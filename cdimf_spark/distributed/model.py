"""The published model of an output folder."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import cached_property, reduce
from typing import Any, Self

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.config import TrainConfig
from cdimf_spark.distributed.evaluate import Negatives, evaluate
from cdimf_spark.distributed.layout import Layout
from cdimf_spark.distributed.recommend import recommend, unknown_users
from cdimf_spark.distributed.runs import last_run
from cdimf_spark.distributed.scoring_tables import ScoringTables, SeenItems
from cdimf_spark.distributed.session import build_session
from cdimf_spark.distributed.tables import OutputTables
from cdimf_spark.distributed.validation import (
    PROBLEM,
    annotate,
    clean_rows,
    raise_for_problems,
)
from cdimf_spark.distributed.working_tables import WorkingTables
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.schemas import DOMAIN, USER_ID

logger = logging.getLogger(__name__)


class Scorer:
    """Anything that scores users and items by factors: a model or a baseline.

    Parameters
    ----------
    tables
        Its factors.
    """

    def __init__(self, tables: ScoringTables) -> None:
        self.tables = tables

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains."""
        return self.tables.domains

    @property
    def rank(self) -> int:
        """Length of a factor row."""
        return self.tables.rank

    @property
    def user_factors(self) -> DataFrame:
        """Rows that score the users of each domain: domain, user_id, factors."""
        return self.tables.users

    @property
    def item_factors(self) -> DataFrame:
        """Rows of the items: domain, item_id, factors."""
        return self.tables.items

    def evaluate(
        self,
        tests: Mapping[str, DataFrame] | DataFrame,
        k: int = 10,
        negatives: Negatives = 999,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Rank held-out items and compute HR, NDCG, MRR and coverage.

        Parameters
        ----------
        tests
            A frame (user_id, item_id) a domain, by name; or one frame with a column `domain`.
        k
            Length of the list that counts.
        negatives
            Items drawn for each test row, or "all".
        seed
            Of the draw.

        Returns
        -------
        dict
            See `cdimf_spark.distributed.evaluate.evaluate`.

        Raises
        ------
        ConfigurationError
            If a domain is unknown, or k or negatives is out of range.
        DataError
            If the tests cannot be used, or a catalogue is too small to draw from.
        """
        frames = tests if isinstance(tests, Mapping) else _by_domain(tests)
        for domain in frames:
            self.tables.check_domain(domain)
        if not frames:
            raise DataError("there is no test row: name a test set for at least one domain")
        annotated = reduce(DataFrame.unionByName, [_annotated(f, d) for d, f in frames.items()])
        raise_for_problems(annotated, dict.fromkeys(frames, "the test set"))
        return evaluate(self.tables, clean_rows(annotated), sorted(frames), k, negatives, seed)

    def recommend(
        self, domain: str, users: DataFrame | Iterable[object] | None = None, k: int = 10
    ) -> DataFrame:
        """List the k best items of a domain for each user, without those that he has seen.

        Parameters
        ----------
        users
            Ids, or a frame with a column user_id; None: all users of the domain. A user of other
            domains only is scored with what they know of him; one whom no domain knows is left
            out, and a warning says how many.

        Returns
        -------
        DataFrame
            user_id, rank (from 1), item_id, score and source, computed when it is used.

        Raises
        ------
        ConfigurationError
            If there is no such domain, or k is not between 1 and the size of its catalogue.
        DataError
            If `users` is empty or has no column user_id.
        """
        self.tables.check_domain(domain)
        if users is None:
            return recommend(self.tables, domain, None, k)
        requests = _requests(self.tables.items.sparkSession, users)
        recommendations = recommend(self.tables, domain, requests, k)
        n_unknown = unknown_users(self.tables, domain, requests).count()
        if n_unknown:
            logger.warning("%d of the users are unknown and get no recommendations", n_unknown)
        return recommendations


class CDIMFModel(Scorer):
    """The published model of an output folder.

    Parameters
    ----------
    spark
        The session.
    path
        Output folder of a training.

    Raises
    ------
    DataError
        If the folder has no published model.

    Examples
    --------
    >>> model = CDIMFModel.load("models/shops")
    >>> model.recommend("sport", users=["anna", "boris"], k=5).show()
    """

    def __init__(self, spark: SparkSession, path: str) -> None:
        self.path = path
        self._output = OutputTables(spark, path)
        run = last_run(self._output, published=True)
        if run is None:
            raise DataError(
                f"no published model in {path!r}: check the spelling, or finish its training "
                "(jobs/train_cdimf.py --output DIR, with --resume after a stop)"
            )
        self.run = run
        self.config = TrainConfig.from_dict(run.details["config"])
        super().__init__(self._scoring_tables())

    @classmethod
    def load(cls, path: str, spark: SparkSession | None = None) -> Self:
        """Open a model; without a session the active one is taken, or a new one is built."""
        return cls(spark or SparkSession.getActiveSession() or build_session(), path)

    @property
    def shared_factors(self) -> DataFrame:
        """Consensus rows of the users of several domains: user_id, factors."""
        return self._output.read("shared_factors")

    @cached_property
    def history(self) -> DataFrame:
        """Metrics of the training, a row an iteration."""
        return self._output.read("history")

    def blocks(self) -> DataFrame:
        """Packed interactions of the training: ``BLOCK_ROW`` and `side`."""
        return WorkingTables(self._output, self.run.run_id).read_blocks()

    @cached_property
    def layout(self) -> Layout:
        """Where the packed interactions lie."""
        names = tuple(sorted(domain.name for domain in self.config.domains))
        return Layout.of(names, self.run.details["blocks"], self.run.details["blocks"])

    def _scoring_tables(self) -> ScoringTables:
        users = self.layout.users
        coupled = (self.config.model.for_domain(domain) for domain in self.config.domains)
        return ScoringTables(
            users=self._output.read("user_factors"),
            items=self._output.read("item_factors"),
            shared=self.shared_factors,
            seen=SeenItems(self.blocks().where(F.col("side") == "user"), users),
            domains=users.domains,
            aligned=frozenset(domain.name for domain in coupled if domain.rho > 0),
            rank=self.config.model.rank,
        )


def _by_domain(tests: DataFrame) -> dict[str, DataFrame]:
    if DOMAIN not in tests.columns:
        raise ConfigurationError(
            "tests must be a frame a domain, {'sport': frame, ...}, or one frame with a column "
            f"'domain'; present: {', '.join(tests.columns)}"
        )
    names = sorted(str(row[0]) for row in tests.select(DOMAIN).distinct().collect())
    return {name: tests.where(F.col(DOMAIN) == name).drop(DOMAIN) for name in names}


def _annotated(frame: DataFrame, domain: str) -> DataFrame:
    """Rows with their problems; what `read_annotated` returns has them already."""
    if PROBLEM in frame.columns:
        return frame
    return annotate(frame, domain, f"the test set of {domain}", with_weight=False)


def _requests(spark: SparkSession, users: DataFrame | Iterable[object]) -> DataFrame:
    """Distinct ids as texts."""
    if not isinstance(users, DataFrame):
        ids = sorted({str(user) for user in users})
        if not ids:
            raise DataError("the list of users is empty")
        return spark.createDataFrame([(one,) for one in ids], f"{USER_ID} string")
    if USER_ID not in users.columns:
        raise DataError(
            f"users: no column {USER_ID!r}; present: {', '.join(users.columns) or 'none'}"
        )
    ids_column = F.col(USER_ID).cast("string").alias(USER_ID)
    return users.select(ids_column).where(F.col(USER_ID).isNotNull()).distinct()
