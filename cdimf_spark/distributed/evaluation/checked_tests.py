"""Held-out interactions, validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.validation import (
    PROBLEM,
    annotate,
    clean_rows,
    raise_for_problems,
)
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID


class CheckedTests(NamedTuple):
    """Test rows (domain, user_id, item_id) in order, and how many they are by domain."""

    rows: DataFrame
    n_tests: dict[str, int]


def check_tests(tests: Mapping[str, DataFrame] | DataFrame) -> CheckedTests:
    """Validate test rows, in one job; no model is needed.

    Parameters
    ----------
    tests
        A frame (user_id, item_id) a domain, by name; or one frame with a column `domain`.

    Raises
    ------
    ConfigurationError
        If there is no column `domain`.
    DataError
        If there is no row, or some cannot be used.
    """
    frames = tests if isinstance(tests, Mapping) else _by_domain(tests)
    if not frames:
        raise DataError("there is no test row: name a test set for at least one domain")
    annotated = reduce(DataFrame.unionByName, [_annotated(f, d) for d, f in frames.items()])
    contents = raise_for_problems(annotated, dict.fromkeys(frames, "the test set"))
    counts = {name: content.n_rows for name, content in contents.items()}
    return CheckedTests(clean_rows(annotated), counts)


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


def most_test_items(tests: DataFrame, domains: Sequence[str]) -> dict[str, int]:
    """Distinct test items of the user who has most, by domain."""
    rows = tests.where(F.col(DOMAIN).isin(list(domains)))
    counts = rows.groupBy(DOMAIN, USER_ID).agg(F.countDistinct(ITEM_ID).alias("n"))
    return {row[0]: row[1] for row in counts.groupBy(DOMAIN).agg(F.max("n")).collect()}
