"""What was read of a domain, in one line of the log: columns, counts, weights.

The figures come from the aggregate that checks the rows: nothing is read for them. How many users,
items and pairs are different comes from sketches, which keep small numbers as they are and are
within 3 % for large ones; the line says "about" then.
"""

from __future__ import annotations

import logging

from pyspark.sql import Column, Row
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.how_read import Reading
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID, WEIGHT
from cdimf_spark.wording import counted

logger = logging.getLogger(__name__)

# Registers of a sketch, as a power of 2: 16 kB, a standard error of 0.8 %.
_SKETCH_SIZE = 14
_SKETCH_ERROR = 0.03
# A sketch lists the hashes of so few values: two of them are taken for one with a chance of 1 in
# some thousands.
_EXACT = 300


def figures() -> tuple[Column, ...]:
    """Aggregates of the usable rows (weight above 0) for `log_summary`."""
    usable = F.col(WEIGHT) > 0
    weight = F.when(usable, F.col(WEIGHT))

    def different(*columns: str) -> Column:
        sketch = F.hll_sketch_agg(F.when(usable, F.xxhash64(*columns)), F.lit(_SKETCH_SIZE))
        return F.hll_sketch_estimate(sketch)

    return (
        F.min(weight).alias("least"),
        F.avg(weight).alias("mean"),
        F.max(weight).alias("largest"),
        F.count(F.when(weight != 1, 1)).alias("n_not_1"),
        different(USER_ID).alias("n_users"),
        different(ITEM_ID).alias("n_items"),
        different(USER_ID, ITEM_ID).alias("n_pairs"),
    )


def log_summary(row: Row, reading: Reading) -> None:
    """Log the line of a domain.

    Parameters
    ----------
    row : Row
        domain, n_rows, n_zero (rows of weight 0) and `figures`.
    reading : Reading
    """
    parts = (
        reading.format,
        reading.columns_text(),
        _counts(row),
        _weights(row, reading),
        _repeated(row),
        f"{counted(row['n_zero'], 'row')} of weight 0 left out" if row["n_zero"] else "",
        reading.unused_text(),
    )
    said = "; ".join(part for part in parts if part)
    logger.info("domain %s: %s: %s", row[DOMAIN], reading.source, said)


def _counts(row: Row) -> str:
    different = (_about(row[f"n_{noun}s"], noun) for noun in ("user", "item"))
    return ", ".join((counted(row["n_rows"], "row"), *different))


def _about(estimate: int, noun: str) -> str:
    return f"{'about ' if estimate > _EXACT else ''}{counted(estimate, noun)}"


def _weights(row: Row, reading: Reading) -> str:
    if not reading.with_weight:
        return ""
    if "weight" not in reading.taken:
        return "no weight column: every weight is 1"
    least, mean, largest = (f"{row[name]:.6g}" for name in ("least", "mean", "largest"))
    return f"weights {least} to {largest}, mean {mean}, {row['n_not_1']} not 1"


def _repeated(row: Row) -> str:
    """How many usable rows have a pair that an earlier row has."""
    n_rows = row["n_rows"] - row["n_zero"]
    repeated = max(0, n_rows - row["n_pairs"])
    if n_rows <= _EXACT:
        return counted(repeated, "repeated pair") if repeated else "no repeated pair"
    if repeated <= _SKETCH_ERROR * n_rows:
        return f"repeated pairs: under {_SKETCH_ERROR:.0%} of the rows"
    return f"about {counted(repeated, 'repeated pair')}"
