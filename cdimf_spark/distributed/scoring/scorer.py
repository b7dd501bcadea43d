"""What a trained model and its baselines have in common: evaluation and recommendation."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.validation import (
    PROBLEM,
    annotate,
    clean_rows,
    raise_for_problems,
)
from cdimf_spark.distributed.scoring.evaluate import Negatives, evaluate
from cdimf_spark.distributed.scoring.recommend import recommend, unknown_users
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.errors import ConfigurationError, DataError, counted
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
            See `cdimf_spark.distributed.scoring.evaluate.evaluate`.

        Raises
        ------
        ConfigurationError
            If a domain is unknown, or k or negatives is out of range.
        DataError
            If the tests cannot be used, or a catalogue is too small to draw from.
        """
        frames = tests if isinstance(tests, Mapping) else _by_domain(tests)
        self.tables.check_domains(frames)
        if not frames:
            raise DataError("there is no test row: name a test set for at least one domain")
        annotated = reduce(DataFrame.unionByName, [_annotated(f, d) for d, f in frames.items()])
        n_tests = raise_for_problems(annotated, dict.fromkeys(frames, "the test set"))
        return evaluate(self.tables, clean_rows(annotated), n_tests, k, negatives, seed)

    def recommend(
        self, domain: str, users: DataFrame | Iterable[object] | None = None, k: int = 10
    ) -> DataFrame:
        """List the k best items of a domain for each user, without those that he has seen.

        Parameters
        ----------
        users
            Ids, or a frame with a column user_id; None: all users of the domain. A user of other
            domains only is scored with what they know of him; one whom no domain knows gets what
            is popular, and a warning says how many they are.

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
        self.tables.check_domains([domain])
        if users is None:
            return recommend(self.tables, domain, None, k)
        requests = _requests(self.tables.items.sparkSession, users)
        unknown = unknown_users(self.tables, domain, requests)
        n_requests = _report_unknown(requests, unknown)
        return recommend(self.tables, domain, requests, k, n_requests)


def _report_unknown(requests: DataFrame, unknown: DataFrame) -> int:
    """Log how many users no domain knows, and the first of their ids; count all users."""
    asked = requests.selectExpr("false AS is_unknown", USER_ID)
    rows = asked.unionByName(unknown.selectExpr("true AS is_unknown", USER_ID))
    found = rows.selectExpr(
        "count_if(NOT is_unknown)", "count_if(is_unknown)", f"min(IF(is_unknown, {USER_ID}, NULL))"
    )
    n, n_unknown, first = found.collect()[0]
    if n_unknown:
        advice = ": are their ids those of the training?" if n_unknown == n else ""
        logger.warning(
            "%s of %d whom no domain knows get what is popular (source: popular); the first is "
            "%r%s",
            counted(n_unknown, "user"),
            n,
            first,
            advice,
        )
    return int(n)


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
