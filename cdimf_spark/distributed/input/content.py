"""A fingerprint of the data of a domain, which depends on their content alone."""

from __future__ import annotations

from typing import NamedTuple, Self

from pyspark.sql import Column, Row
from pyspark.sql import functions as F

from cdimf_spark.schemas import ITEM_ID, USER_ID, WEIGHT


class Content(NamedTuple):
    """The usable rows of a domain (weight above 0): how many, and what is in them.

    Equal for equal rows in any order. `low` and `high` are sums of 30 bits each of the rows' 64-bit
    hashes, which are exact up to 8 billion rows.
    """

    n_rows: int
    low: int
    high: int

    @classmethod
    def of(cls, row: Row) -> Self:
        """Make it of a row with n_rows, n_zero (rows of weight 0) and `content_sums`."""
        return cls(row["n_rows"] - row["n_zero"], row["low"], row["high"])


def content_sums() -> tuple[Column, Column]:
    """The sums of `Content`."""
    row_hash = F.when(F.col(WEIGHT) > 0, F.xxhash64(USER_ID, ITEM_ID, F.col(WEIGHT)))
    low, high = row_hash.bitwiseAND((1 << 30) - 1), F.shiftrightunsigned(row_hash, 34)
    return F.sum(low).alias("low"), F.sum(high).alias("high")
