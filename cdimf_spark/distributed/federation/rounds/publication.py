"""X + U on its way to the other parties: a table for each audience, and then a signed event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.arrow_schemas import arrow_schema
from cdimf_spark.distributed.blocks.block_rows import PART_BITS
from cdimf_spark.distributed.federation.meeting_place import STATUS, MeetingPlace
from cdimf_spark.distributed.output.commits import Commits
from cdimf_spark.distributed.workers import PartitionFunction, apply_to_partitions
from cdimf_spark.federation.secrets import sign

EXCHANGE = "exchange"
# Payloads of one block and audience are fewer than 2 to this; `part` of a row `sent` has the number
# of the audience above the number of the payload.
PAYLOAD_BITS = 6
_AUDIENCE_SHIFT = PART_BITS + PAYLOAD_BITS
FINISHED_ROUND = "round"
# A row has some users of one block of a domain: keys of pseudonyms and X + U as bytes.
EXCHANGE_ROW = (
    "training string, round int, writer string, domain string, block int, part int, n int, "
    "payload binary, digest binary"
)
_COLUMNS = tuple(column.split()[0] for column in EXCHANGE_ROW.split(", "))
_PARTITIONS = ("training", "round")


@dataclass(frozen=True)
class Envelope:
    """What is signed with each row besides its content.

    Attributes
    ----------
    federation, training, party, audience, writer
        Names.
    round
        Number of the round.
    rank
        Length of a row X + U.
    """

    secret: bytes
    federation: str
    training: str
    party: str
    audience: str
    round: int
    writer: str
    rank: int

    @classmethod
    def of(cls, place: MeetingPlace, party: str, number: int, writer: str, rank: int) -> Self:
        """The envelope of a party's round, for no audience yet."""
        names = (place.federation, place.training, party, "")
        return cls(place.secret, *names, number, writer, rank)

    def to(self, audience: str) -> Self:
        """The same for an audience."""
        return replace(self, audience=audience)

    def fields(self, domain: str, block: int, part: int, n: int) -> tuple[str | int, ...]:
        """What is signed before the payload."""
        where = (self.federation, self.training, self.party, self.audience)
        return (*where, self.round, self.writer, domain, block, part, n)


def table_of(audience: str) -> str:
    """Name of the table of an audience."""
    return f"{EXCHANGE}/{audience}"


def publish_round(
    place: MeetingPlace,
    solved: DataFrame,
    audiences: Sequence[str],
    envelope: Envelope,
    details: Mapping[str, object],
) -> None:
    """Write the rows of a round to all audiences, and then the event that says so.

    Parameters
    ----------
    solved
        What the solve step emitted.
    envelope
        Of this round; its audience is put in here.
    details
        Of the event: `audiences` (see `sizes_of`), `kept_from` (the first round that stays in the
        tables), `inputs` (what the round before went on with).
    """
    sent = solved.where("kind = 'sent'")
    with Commits() as commits:
        commits.add(
            [
                partial(_write, place, sent, number, envelope.to(name))
                for number, name in enumerate(audiences)
            ]
        )
    place.announce(STATUS, FINISHED_ROUND, envelope.round, envelope.writer, details)


def forget_rounds(place: MeetingPlace, audiences: Sequence[str], kept_from: int) -> None:
    """Delete the rows of the rounds before one; their files stay for a time."""
    for name in audiences:
        old = f"training = '{place.training}' AND round < {kept_from}"
        place.own.delete(table_of(name), old)
        place.own.vacuum(table_of(name))


def sizes_of(solved: DataFrame, audiences: Sequence[str], rank: int) -> dict[str, dict[str, int]]:
    """By audience: `rows` of the table, `users` and `bytes`."""
    sent = solved.where("kind = 'sent'")
    number = F.expr(f"shiftright(part, {_AUDIENCE_SHIFT})").alias("number")
    size = F.sum(F.octet_length("payload")).alias("bytes")
    counted = sent.groupBy(number).agg(F.count("*").alias("rows"), size).collect()
    return {
        audiences[row["number"]]: {
            "rows": row["rows"],
            "users": row["bytes"] // (8 + 4 * rank),
            "bytes": row["bytes"],
        }
        for row in counted
    }


def _write(place: MeetingPlace, sent: DataFrame, number: int, envelope: Envelope) -> None:
    mine = sent.where(f"shiftright(part, {_AUDIENCE_SHIFT}) = {number}")
    signed = apply_to_partitions(mine, make_signer(envelope), EXCHANGE_ROW)
    place.append(signed, table_of(envelope.audience), _PARTITIONS)


def make_signer(envelope: Envelope) -> PartitionFunction:
    """Function of packed rows `sent` to rows of an exchange table."""
    schema = arrow_schema(EXCHANGE_ROW)
    step = 8 + 4 * envelope.rank

    def sign_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = []
            for row in batch.select(["domain", "block", "part", "payload"]).to_pylist():
                n = len(row["payload"]) // step
                part = row["part"] & ((1 << _AUDIENCE_SHIFT) - 1)
                fields = envelope.fields(row["domain"], row["block"], part, n)
                digest = sign(envelope.secret, *fields, row["payload"])
                marks = (envelope.training, envelope.round, envelope.writer)
                values = (*marks, row["domain"], row["block"], part, n, row["payload"], digest)
                rows.append(dict(zip(_COLUMNS, values, strict=True)))
            if rows:
                yield pa.RecordBatch.from_pylist(rows, schema=schema)

    return sign_rows
