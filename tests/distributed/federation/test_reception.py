"""Rows of other parties are foreign data: what is broken is refused, and named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.federation.meeting_place import (
    STATUS,
    MeetingPlace,
    PeerError,
    first_line,
)
from cdimf_spark.distributed.federation.rounds.placing import decode_users
from cdimf_spark.distributed.federation.rounds.reception import RefusedRowsError, Source, receive
from cdimf_spark.distributed.federation.rounds.round_signs import RoundSigns
from cdimf_spark.errors import FederationError
from cdimf_spark.federation.secrets import digest_key
from cdimf_spark.federation.terms import Terms
from tests.support.sending import AUDIENCE, RANK, envelope, place_of, send

KEYS = np.array([-7, 3, 12], np.int64)
ROWS = np.arange(9, dtype=np.float32).reshape(3, RANK)


@pytest.fixture
def films(spark: SparkSession, tmp_path: Path) -> MeetingPlace:
    """The place of a party that has sent one good round."""
    place = place_of(spark, tmp_path / "place", "films")
    send(place, 1, KEYS, ROWS)
    return place


def source(number: int = 1, n_rows: int = 1) -> Source:
    return Source(envelope("films", number), n_rows, 1000.0, frozenset({"films"}))


def books(films: MeetingPlace) -> MeetingPlace:
    return replace(films, party="books")


def folder(films: MeetingPlace) -> Path:
    return Path(films.root) / "films" / "exchange" / AUDIENCE


def test_rows_arrive_as_they_were_sent(films: MeetingPlace) -> None:
    received = receive(books(films), [source()], 2)
    rows = [row for row in received.toArrow().to_batches()]
    table = received.toArrow()
    assert rows
    keys, found = decode_users(table, RANK)
    np.testing.assert_array_equal(keys, KEYS)
    np.testing.assert_array_equal(found, ROWS)
    # Each by its bucket.
    blocks = {row["block"] for row in received.select("block").collect()}
    assert blocks == {int(key % 2) for key in KEYS}


def truncate(path: Path) -> None:
    for file in path.rglob("part-*.parquet"):
        file.write_bytes(file.read_bytes()[:100])


def flip(path: Path) -> None:
    """Change one number in the data of a file."""
    for file in path.rglob("part-*.parquet"):
        content = bytearray(file.read_bytes())
        at = content.find(ROWS[1].tobytes())
        assert at > 0
        content[at] ^= 1
        file.write_bytes(content)
        for check in path.rglob(f".{file.name}.crc"):
            check.unlink()


def remove(path: Path) -> None:
    for file in path.rglob("part-*.parquet"):
        file.unlink()


def replace_log(path: Path) -> None:
    (path / "_delta_log" / f"{0:020}.json").write_text("{")


def remove_table(path: Path) -> None:
    shutil.rmtree(path)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (truncate, "cannot be read"),
        (flip, "digest does not fit|cannot be read"),
        (remove, "cannot be read|0 of 1 rows"),
        (replace_log, "cannot be read"),
        (remove_table, "cannot be read"),
    ],
)
def test_damage_in_storage_is_refused(
    films: MeetingPlace, harm: Callable[[Path], None], words: str
) -> None:
    harm(folder(films))
    with pytest.raises(RefusedRowsError) as raised:
        receive(books(films), [source()], 2)
    (reason,) = raised.value.reasons.values()
    assert list(raised.value.reasons) == ["films"]
    assert any(word in reason for word in words.split("|")), reason


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS * np.float32(np.nan), "not finite"),
        (ROWS * np.float32(1e6), "longer than 1e\\+03"),
    ],
)
def test_rows_that_cannot_be_are_refused(films: MeetingPlace, rows: np.ndarray, words: str) -> None:
    send(films, 2, KEYS, rows.astype(np.float32))
    with pytest.raises(RefusedRowsError, match=words):
        receive(books(films), [source(2)], 2)


def test_rows_of_another_domain_and_lost_rows_are_refused(films: MeetingPlace) -> None:
    theirs = Source(envelope("films", 1), 1, 1000.0, frozenset({"records"}))
    with pytest.raises(RefusedRowsError, match="domain 'films' that is not theirs"):
        receive(books(films), [theirs], 2)
    with pytest.raises(RefusedRowsError, match="1 of 2 rows are there"):
        receive(books(films), [source(n_rows=2)], 2)


def test_events_are_signed(films: MeetingPlace) -> None:
    other = replace(books(films), secret=digest_key(b"another key that is long enough", "shops"))
    with pytest.raises(PeerError, match=r"digest does not fit.*or the secret keys differ"):
        other.events("films", STATUS)
    assert [event.round for event in books(films).events("films", STATUS)] == [1]


def signs(films: MeetingPlace, **terms: object) -> RoundSigns:
    values = {"federation": "shops", "parties": ["books", "films"], "round_timeout": 0.2}
    return RoundSigns(books(films), Terms.from_dict({**values, **terms}), ("films",))


def test_the_last_good_round_stays_in_use(films: MeetingPlace) -> None:
    found = signs(films, quorum=1)
    assert found.wait(1, {}).rounds == {"films": 1}
    send(films, 2, KEYS, ROWS)
    assert found.wait(2, {}).rounds == {"films": 2}
    found.refuse("films", found.event_of("films", 2), "rows that are not finite")
    chosen = found.wait(2, {})
    assert chosen.rounds == {"films": 1}
    assert "rows of round 1 are used" in chosen.notes[0]
    assert "rows that are not finite" in chosen.notes[0]
    # Another writer of the same round is another chance.
    send(films, 2, KEYS, ROWS, writer="run-1.2")
    assert found.wait(2, {}).rounds == {"films": 2}


def test_nobody_waits_for_ever(films: MeetingPlace) -> None:
    with pytest.raises(FederationError, match=r"round 2: 1 of 2 parties.*party 'films': its last"):
        signs(films).wait(2, {})
    # An earlier round that is to be used again must be there.
    with pytest.raises(FederationError, match="round 7 of party 'films' was used before"):
        signs(films).find({"films": 7})


def test_what_spark_says_of_a_file_is_one_line_from_its_name_on() -> None:
    """A message had `cannot be read: : org.apache.spark.SparkException: [...]`."""
    java = "An error occurred while calling o1.x\n: org.apache.spark.SparkException: [NO_FILE] no x"
    assert first_line(RuntimeError(java)) == "[NO_FILE] no x"
    assert first_line(RuntimeError("plain\nmore")) == "plain"
    assert first_line(RuntimeError()) == "RuntimeError"
