"""A party that sends rows which a test has made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.blocks.block_rows import Address, encode, to_table
from cdimf_spark.distributed.federation.meeting_place import MeetingPlace
from cdimf_spark.distributed.federation.rounds.publication import Envelope, publish_round, sizes_of
from cdimf_spark.federation.secrets import digest_key
from cdimf_spark.federation.sent_rows import pack_rows
from cdimf_spark.schemas import BLOCK_ROW

AUDIENCE = "books+films"
RANK = 3
SECRET = digest_key(b"an example of a key that is long enough", "shops")


def place_of(spark: SparkSession, root: Path, party: str, secret: bytes = SECRET) -> MeetingPlace:
    return MeetingPlace(spark, str(root), "shops", "1", party, secret, 3600.0)


def envelope(party: str, number: int, writer: str = "run-1.1", secret: bytes = SECRET) -> Envelope:
    return Envelope(secret, "shops", "1", party, AUDIENCE, number, writer, RANK)


def sent_rows(
    spark: SparkSession, domain: str, keys: NDArray[np.int64], rows: NDArray[np.float32]
) -> DataFrame:
    """What a solve step emits for one audience."""
    at = Address(0, domain, 0)
    batches = [b for payload in pack_rows(keys, rows) for b in encode(at, {"sent": payload})]
    return spark.createDataFrame(to_table(batches).to_pandas(), BLOCK_ROW)


def send(
    place: MeetingPlace,
    number: int,
    keys: NDArray[np.int64],
    rows: NDArray[np.float32],
    writer: str = "run-1.1",
) -> None:
    """Send rows of a round, of the domain that has the party's name."""
    solved = sent_rows(place.spark, place.party, keys, rows)
    sizes = sizes_of(solved, (AUDIENCE,), RANK)
    details = {"kept_from": 1, "audiences": sizes, "inputs": {}}
    to = envelope(place.party, number, writer, place.secret)
    publish_round(place, solved, (AUDIENCE,), to, details)
