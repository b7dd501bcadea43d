"""X + U of the other parties: read, and checked as the foreign data it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Row

from cdimf_spark.distributed.blocks.block_rows import Address, encode
from cdimf_spark.distributed.federation.meeting_place import MeetingPlace, first_line
from cdimf_spark.distributed.federation.rounds.publication import EXCHANGE_ROW, Envelope, table_of
from cdimf_spark.distributed.workers import (
    PartitionFunction,
    apply_to_partitions,
)
from cdimf_spark.federation.secrets import is_signed
from cdimf_spark.federation.sent_rows import pack_rows, unpack_rows, what_is_wrong
from cdimf_spark.schemas import BLOCK_ROW

_COLUMNS = [column.split()[0] for column in EXCHANGE_ROW.split(", ")]


@dataclass(frozen=True)
class Source:
    """Rows of one party for one audience: which, how many, and what they may be.

    Attributes
    ----------
    envelope
        What they are signed with.
    n_rows
        Rows of the table, as the party's event says.
    longest
        Length that no row X + U may exceed.
    domains
        Coupled domains of the party.
    """

    envelope: Envelope
    n_rows: int
    longest: float
    domains: frozenset[str]


class RefusedRowsError(Exception):
    """Rows of other parties that cannot be used: what is wrong, by party."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        super().__init__(self.reasons)


def receive(place: MeetingPlace, sources: list[Source], num_buckets: int) -> DataFrame:
    """Checked rows of other parties, packed by bucket of their pseudonyms (kind `foreign`).

    Raises
    ------
    RefusedRowsError
        If rows are missing, damaged, of somebody else, not finite or too long.
    """
    frames, reasons = [], {}
    for source in sources:
        try:
            frames.append(_read(place, source, num_buckets))
        except Exception as error:
            reasons[source.envelope.party] = f"cannot be read: {first_line(error)}"
    if reasons:
        raise RefusedRowsError(reasons)
    with _blaming(sources):
        checked = reduce(DataFrame.union, frames).localCheckpoint(eager=False)
        notes = checked.where("kind = 'refused'").select("domain", "payload").collect()
    _refuse(notes, sources)
    return checked.where("kind = 'foreign'")


def _read(place: MeetingPlace, source: Source, num_buckets: int) -> DataFrame:
    sent = source.envelope
    rows = place.tables(sent.party).read(table_of(sent.audience))
    mine = rows.where(
        f"training = '{sent.training}' AND round = {sent.round} AND writer = '{sent.writer}'"
    ).select(*_COLUMNS)
    return apply_to_partitions(mine, make_check(source, num_buckets), BLOCK_ROW)


@contextmanager
def _blaming(sources: list[Source]) -> Iterator[None]:
    """Turn an error about a file of another party into a refusal: damage shows when it is read.

    Raises
    ------
    RefusedRowsError
        If the error names one of their tables; any other one is not theirs.
    """
    try:
        yield
    except Exception as error:
        said = unquote(str(error))
        reasons = {
            source.envelope.party: f"cannot be read: {first_line(error)}"
            for source in sources
            if f"/{source.envelope.party}/{table_of(source.envelope.audience)}/" in said
        }
        if not reasons:
            raise
        raise RefusedRowsError(reasons) from error


def _refuse(notes: list[Row], sources: list[Source]) -> None:
    """Raise for what the checks found, and for rows that are not there."""
    reasons: dict[str, str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for note in notes:
        party, _, audience = note["domain"].partition("/")
        text = bytes(note["payload"]).decode()
        if text.isdigit():
            counts[party, audience] += int(text)
        else:
            reasons.setdefault(party, text)
    for source in sources:
        party, audience = source.envelope.party, source.envelope.audience
        if counts[party, audience] != source.n_rows:
            reasons.setdefault(
                party, f"{counts[party, audience]} of {source.n_rows} rows are there and intact"
            )
    if reasons:
        raise RefusedRowsError(reasons)


def make_check(source: Source, num_buckets: int) -> PartitionFunction:
    """Function of rows of an exchange table to packed rows by bucket, and notes on the checks."""

    def check(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sent, good = source.envelope, 0
        note = Address(0, f"{sent.party}/{sent.audience}", 0)
        for batch in batches:
            for row in batch.to_pylist():
                wrong = _wrong(source, row)
                if wrong:
                    yield from encode(note, {"refused": np.frombuffer(wrong.encode(), np.uint8)})
                    continue
                good += 1
                keys, rows = unpack_rows(row["payload"], row["n"], sent.rank)
                buckets = keys % num_buckets
                for bucket in np.unique(buckets):
                    mine = buckets == bucket
                    for payload in pack_rows(keys[mine], rows[mine]):
                        yield from encode(
                            Address(0, row["domain"], int(bucket)), {"foreign": payload}
                        )
        yield from encode(note, {"refused": np.frombuffer(str(good).encode(), np.uint8)})

    return check


def _wrong(source: Source, row: Mapping[str, object]) -> str:
    """What is wrong with a row; empty if nothing."""
    sent = source.envelope
    domain, block, part, n = (row[name] for name in ("domain", "block", "part", "n"))
    payload, digest = row["payload"], row["digest"]
    if not (isinstance(payload, bytes) and isinstance(digest, bytes) and isinstance(n, int)):
        return "a row with nothing in it"
    fields = sent.fields(str(domain), int(str(block)), int(str(part)), n)
    if not is_signed(sent.secret, digest, *fields, payload):
        return "a row whose digest does not fit: somebody changed it after it was written"
    if domain not in source.domains:
        return f"a row of a domain {domain!r} that is not theirs"
    try:
        _, rows = unpack_rows(payload, n, sent.rank)
    except ValueError as error:
        return str(error)
    return what_is_wrong(rows, source.longest)
