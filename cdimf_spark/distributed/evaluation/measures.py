"""Ranks of test rows to sums, in one pass: the Spark half of `evaluation.rank_sums`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.workers import apply_to_groups
from cdimf_spark.evaluation.evaluation_summary import Found
from cdimf_spark.evaluation.measures_summary import Measured
from cdimf_spark.evaluation.rank_sums import SUMS_SCHEMA, read_sums, sum_part

_SQL_TYPES = {pa.string(): "string", pa.bool_(): "boolean", pa.float64(): "double"}
_SUMS = ", ".join(f"{field.name} {_SQL_TYPES.get(field.type, 'long')}" for field in SUMS_SCHEMA)
# What the driver gets is a few hundred rows for each part of the users.
_MOST_PARTS = 64


def stack_ranks(ranks: Sequence[DataFrame]) -> DataFrame:
    """Ranks of several models as one frame, with the position of the model in `model`."""
    numbered = (frame.withColumn("model", F.lit(n)) for n, frame in enumerate(ranks))
    return reduce(DataFrame.union, numbered)


def sum_ranks(
    ranks: DataFrame, n_models: int, num_blocks: int, ks: Sequence[int], by: Sequence[str]
) -> tuple[list[Found], list[Measured]]:
    """Counts of the test rows, and sums over the users of each group (one job).

    Parameters
    ----------
    ranks
        What `stack_ranks` returned for models that ranked the same test rows.
    num_blocks
        Parts of the users.
    by
        Groupings.

    Returns
    -------
    list of Found, list of Measured
        See `read_sums`.
    """
    part = f"pmod(coalesce(user_key, bucket), {min(num_blocks, _MOST_PARTS)}) AS number"
    groups = ranks.selectExpr("*", part).groupBy("domain", "number")

    def step(rows: pa.Table) -> pa.Table:
        return sum_part(rows, n_models, ks, by)

    return read_sums(row.asDict() for row in apply_to_groups(groups, step, _SUMS).collect())
