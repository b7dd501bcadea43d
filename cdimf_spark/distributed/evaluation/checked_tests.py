"""Held-out interactions, validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.domains import given_domains
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.given import Domains, Given
from cdimf_spark.distributed.input.validation import clean_rows, raise_for_problems
from cdimf_spark.errors import DataError
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID


class CheckedTests(NamedTuple):
    """Test rows (domain, user_id, item_id) in order, and how many they are by domain."""

    rows: DataFrame
    n_tests: dict[str, int]


def check_tests(tests: Domains, spark: SparkSession | None = None) -> CheckedTests:
    """Validate test rows, in one job; no model is needed.

    Parameters
    ----------
    tests
        By the domain's name a frame (user_id, item_id), or the path of one, read like training
        data; or one frame with a column `domain`.
    spark
        The session; None: that of the frames, or the active one.

    Raises
    ------
    ConfigurationError
        If they are something else, or there is no column `domain`.
    DataError
        If there is no row, or some cannot be used.
    """
    if isinstance(tests, Mapping) and not tests:
        raise DataError("there is no test row: name a test set for at least one domain")
    given = Given.of(tests, "the test set", spark)
    domains = given_domains(DomainConfig, given.paths, None)
    frames = given.annotated(domains, with_weight=False, called="the test set")
    annotated = reduce(DataFrame.unionByName, frames.values())
    sources = {name: path or "the test set" for name, path in given.paths.items()}
    contents = raise_for_problems(annotated, sources)
    counts = {name: content.n_rows for name, content in contents.items()}
    return CheckedTests(clean_rows(annotated), counts)


def most_test_items(tests: DataFrame, domains: Sequence[str]) -> dict[str, int]:
    """Distinct test items of the user who has most, by domain."""
    rows = tests.where(F.col(DOMAIN).isin(list(domains)))
    counts = rows.groupBy(DOMAIN, USER_ID).agg(F.countDistinct(ITEM_ID).alias("n"))
    return {row[0]: row[1] for row in counts.groupBy(DOMAIN).agg(F.max("n")).collect()}
