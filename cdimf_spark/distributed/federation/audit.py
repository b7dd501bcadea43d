"""The audit log of a party: what left it, when, for whom and how much, and what it read.

A table of its own in the private output folder. What leaves is booked before it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.output.tables import AUDIT_LOG, OutputTables
from cdimf_spark.errors import DataError
from cdimf_spark.reports.text_tables import text_table

SENT, READ = "sent", "read"
AUDIT_ROW = (
    "at timestamp, training string, direction string, what string, round int, party string, "
    "audience string, users long, bytes long"
)
_COLUMNS = tuple(column.split()[0] for column in AUDIT_ROW.split(", "))


class Booking(NamedTuple):
    """Something that left the party, or that it read.

    Attributes
    ----------
    what
        ``terms``, ``pseudonyms`` or ``rows``.
    party
        Who wrote it.
    audience
        Who can read it: parties joined by ``+``; all parties: ``*``.
    """

    direction: str
    what: str
    round: int
    party: str
    audience: str
    users: int
    bytes: int


@dataclass(frozen=True)
class AuditLog:
    """The log of one party and training."""

    tables: OutputTables
    training: str

    def book(self, bookings: Sequence[Booking]) -> None:
        """Append to the log, in one commit."""
        if not bookings:
            return
        now = datetime.now(UTC)
        rows = [
            F.struct(
                *(
                    F.lit(value).alias(name)
                    for name, value in zip(_COLUMNS, (now, self.training, *one), strict=True)
                )
            )
            for one in bookings
        ]
        frame = self.tables.spark.range(0, 1, 1, 1).select(F.inline(F.array(*rows)))
        typed = frame.withColumns(
            {"round": F.col("round").cast("int"), "users": F.col("users").cast("long"),
             "bytes": F.col("bytes").cast("long")}
        )  # fmt: skip
        self.tables.append(typed, AUDIT_LOG)


def bookings_of(
    direction: str, round: int, party: str, sizes: Mapping[str, Mapping[str, int]]
) -> list[Booking]:
    """Bookings of the rows of a round, one an audience."""
    return [
        Booking(direction, "rows", round, party, audience, size["users"], size["bytes"])
        for audience, size in sorted(sizes.items())
    ]


def audit_text(spark: SparkSession, output: str) -> str:
    """What a party sent and read, in order.

    Raises
    ------
    DataError
        If the folder has no audit log: it is not the output of a party.
    """
    log = OutputTables(spark, output).find(AUDIT_LOG)
    if log is None:
        raise DataError(
            f"{output!r} has no audit log: it is not the output of a training in a federation"
        )
    found = log.orderBy("at", "direction", "round", "party", "audience").collect()
    rows = [
        (
            f"{row['at']:%Y-%m-%d %H:%M:%S}",
            row["training"],
            row["direction"],
            row["what"],
            str(row["round"] or ""),
            row["party"],
            row["audience"],
            f"{row['users']:,}",
            f"{row['bytes']:,}",
        )
        for row in found
    ]
    names = ("at (UTC)", "training", "", "what", "round", "of party", "for", "users", "bytes")
    total = sum(row["bytes"] for row in found if row["direction"] == SENT)
    return f"{text_table(names, rows)}\n\nleft this party: {total:,} bytes (* is all parties)"
