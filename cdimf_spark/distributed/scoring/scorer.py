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

    @property
    def user_factors(self) -> DataFrame:
        """Rows that score the users of each domain: domain, user_id, factors."""
        return self.tables.users

    @property
    def item_factors(self) -> DataFrame:
        """Rows of the items: domain, item_id, factors."""
        return self.tables.items

    def users_of(self, domain: str) -> DataFrame:
        """Users that have interactions in a domain: user_id."""
        self.tables.check_domains([domain])
        return self.user_factors.where(F.col(DOMAIN) == domain).select(USER_ID)

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
            If `users` is empty, has no column user_id, or nobody in it is known.
        """
        self.tables.check_domains([domain])
        if users is None:
            return recommend(self.tables, domain, None, k)
        requests = _requests(self.tables.items.sparkSession, users)
        recommendations = recommend(self.tables, domain, requests, k)
        _report_unknown(requests, unknown_users(self.tables, domain, requests))
        return recommendations


def _report_unknown(requests: DataFrame, unknown: DataFrame) -> None:
    """Log how many users get no recommendations, and the first of their ids; all is too many."""
    found = unknown.agg(F.count(F.lit(1)), F.min(USER_ID)).collect()[0]
    if found[0] and found[0] == requests.count():
        raise DataError(
            f"no domain knows any of the {counted(found[0], 'user')}, the first is {found[1]!r}: "
            "are their ids those of the training?"
        )
    if found[0]:
        logger.warning(
            "%s whom no domain knows, without recommendations; the first is %r",
            counted(found[0], "user"),
            found[1],
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
