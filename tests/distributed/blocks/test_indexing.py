"""Ids and keys, shared users, and what happens when two ids have one key."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.block_rows import decode
from cdimf_spark.distributed.blocks.indexing import (
    ITEM_KEY,
    USER_KEY,
    group_key_column,
    make_indexer,
    place,
    unpack_ids,
    user_index,
    with_blocks,
    with_keys,
)
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.errors import DataError
from cdimf_spark.kernel.initialization import id_keys

ODD_IDS = [
    "1",
    "01",
    " 1",
    "1 ",
    "Ünï",
    "用户",
    "😀",
    "a,b",
    'q"q',
    "a\tb",
    "a\nb",
    "x" * 3000,
    "é",
    "é",
]
SIDE = Side(("a", "b", "c"), 4)


def block_table(rows: Iterable[tuple[str, int, str]], block: int = 2) -> pa.Table:
    domains, keys, ids = zip(*rows, strict=True)
    columns = {"block": pa.array([block] * len(ids), pa.int32()), "domain": list(domains)}
    return pa.table({**columns, "key": pa.array(keys, pa.int64()), "id": list(ids)})


def index(rows: list[tuple[str, int, str]], coupled: frozenset[str] | None) -> pa.Table:
    return make_indexer(SIDE, coupled)(block_table(rows))


def ids_of(table: pa.Table, domain: str) -> list[str]:
    ids: list[str] = unpack_ids(decode(table, "ids", domain=domain)).to_pylist()
    return ids


def shared_of(table: pa.Table, domain: str) -> list[str]:
    ids = ids_of(table, domain)
    return [ids[row] for row in decode(table, "shared", domain=domain)]


ROWS = [
    ("c", 5, "u5"),
    ("a", 9, "u9"),
    ("a", -3, "u-3"),
    ("b", 9, "u9"),
    ("a", 5, "u5"),
    ("c", 7, "u7"),
    ("b", 7, "u7"),
    ("b", -8, "u-8"),
    ("a", 7, "u7"),
]


def test_ids_are_in_the_order_of_their_keys() -> None:
    table = index(ROWS, frozenset("abc"))
    assert ids_of(table, "a") == ["u-3", "u5", "u7", "u9"]
    assert ids_of(table, "b") == ["u-8", "u7", "u9"]
    assert ids_of(table, "c") == ["u5", "u7"]
    assert set(table.column("pkey").to_pylist()) == {SIDE.keys[d][2] for d in range(3)}


def test_shared_users_of_three_domains() -> None:
    table = index(ROWS, frozenset("abc"))
    assert shared_of(table, "a") == ["u5", "u7", "u9"]
    assert shared_of(table, "b") == ["u7", "u9"]
    assert shared_of(table, "c") == ["u5", "u7"]


def test_a_domain_without_coupling_shares_nobody() -> None:
    table = index(ROWS, frozenset("ab"))
    assert shared_of(table, "a") == ["u7", "u9"]
    assert shared_of(table, "b") == ["u7", "u9"]
    assert shared_of(table, "c") == []
    # u5 is in a and c only, and c takes no part.
    assert shared_of(index(ROWS, frozenset("c")), "c") == []


def test_items_are_never_shared() -> None:
    assert "shared" not in index(ROWS, None).column("kind").to_pylist()


@pytest.mark.parametrize("second", ["a", "b"])
def test_two_ids_with_one_key_are_refused(second: str) -> None:
    rows = [*ROWS, ("a", 11, "first"), (second, 11, "second")]
    with pytest.raises(DataError, match=r"'first' and 'second' have the same 64-bit key"):
        index(rows, frozenset("abc"))


def test_odd_ids_come_back() -> None:
    keys = id_keys(ODD_IDS)
    table = index([("a", int(k), i) for k, i in zip(keys, ODD_IDS, strict=True)], None)
    assert ids_of(table, "a") == [ODD_IDS[row] for row in np.argsort(keys)]


def test_keys_and_blocks_are_the_same_in_spark(spark: SparkSession) -> None:
    frame = pd.DataFrame({"domain": "b", "user_id": ODD_IDS, "item_id": ODD_IDS[::-1]})
    keyed = with_keys(spark.createDataFrame(frame.assign(weight=1.0)))
    heavy = {int(id_keys([one])[0]): n % 4 for n, one in enumerate(ODD_IDS[:5])}
    for side in (SIDE, Side(SIDE.domains, 4, heavy)):
        placed = place(keyed, USER_KEY, side)
        rows = placed.withColumn("pkey", group_key_column(side, F.col("block"))).collect()
        assert len(rows) == len(ODD_IDS)
        for row in rows:
            assert row[USER_KEY] == id_keys([row["user_id"]])[0]
            assert row[ITEM_KEY] == id_keys([row["item_id"]])[0]
            assert row["block"] == side.placement.block_of(np.array([row[USER_KEY]]))[0]
            assert row["pkey"] == side.keys[1][row["block"]]
            assert side.address_of(row["pkey"]) == side.address("b", row["block"])


def test_the_index_of_a_frame(spark: SparkSession) -> None:
    pairs = [(d, u, i) for d, u in [("a", "x"), ("a", "y"), ("b", "y"), ("c", "x")] for i in "pq"]
    frame = spark.createDataFrame(pairs, "domain string, user_id string, item_id string")
    keyed = with_keys(frame.withColumn("weight", F.lit(1.0)))
    layout = Layout.of(("a", "b", "c"), 2, 2)
    table = user_index(with_blocks(keyed, layout), layout, frozenset("ab")).toArrow()
    found: dict[tuple[str, str], bool] = {}
    for domain in "abc":
        for block in range(2):
            ids = unpack_ids_or_none(table, domain, block)
            shared = decode(table, "shared", domain=domain, block=block)
            found |= {(domain, user): row in shared for row, user in enumerate(ids)}
            assert all(id_keys([user])[0] % 2 == block for user in ids)
    assert found == {("a", "x"): False, ("a", "y"): True, ("b", "y"): True, ("c", "x"): False}


def unpack_ids_or_none(table: pa.Table, domain: str, block: int) -> list[str]:
    packed = decode(table, "ids", domain=domain, block=block)
    return unpack_ids(packed).to_pylist() if len(packed) else []
