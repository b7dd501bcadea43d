"""A party that has the key, and sends what no honest one would."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from cdimf_spark.distributed.blocks.block_rows import Address, encode, to_table
from cdimf_spark.distributed.federation.party import Party
from cdimf_spark.distributed.federation.rounds.publication import Envelope, publish_round, sizes_of
from cdimf_spark.federation.sent_rows import pack_rows, unpack_rows
from cdimf_spark.schemas import BLOCK_ROW
from tests.support.parties import Federation

AUDIENCE = "books+films"


def resend(
    federation: Federation, party: str, number: int, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Send the rows of the round before once more, changed, as a round of its own."""
    rank = int(federation.terms["rank"])
    place = Party.of(federation.spark, federation.config(party)).place
    path = str(federation.place / party / "exchange" / AUDIENCE)
    table = federation.spark.read.format("delta").load(path).where(f"round = {number - 1}")
    batches: list[pa.RecordBatch] = []
    for row in table.collect():
        keys, rows = unpack_rows(bytes(row["payload"]), row["n"], rank)
        for payload in pack_rows(keys, change(rows).astype(np.float32)):
            batches += encode(Address(0, party, row["block"]), {"sent": payload})
    solved = federation.spark.createDataFrame(to_table(batches).to_pandas(), BLOCK_ROW)
    sizes = sizes_of(solved, (AUDIENCE,), rank)
    details = {"kept_from": 1, "audiences": sizes, "inputs": {"books": number - 1}}
    envelope = Envelope.of(place, party, number, "hostile", rank)
    publish_round(place, solved, (AUDIENCE,), envelope, details)
