"""Arrays to packed rows and back, without Spark."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cdimf_spark.distributed.blocks import block_rows
from cdimf_spark.distributed.blocks.block_rows import (
    PART_BITS,
    SCHEMA,
    Address,
    decode,
    decode_matrix,
    encode,
    parts,
    to_table,
)
from cdimf_spark.schemas import BLOCK_COLUMNS

AT = Address(17, "books", 3)


@pytest.fixture(params=[64, 1 << 20], ids=["many parts", "one part"])
def _part_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_rows, "PART_BYTES", request.param)


def some_array(dtype: Any, size: int) -> np.ndarray:
    info = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else np.finfo(dtype)
    return np.linspace(float(info.min) / 4, float(info.max) / 4, size).astype(dtype)


@pytest.mark.usefixtures("_part_bytes")
@pytest.mark.parametrize("kind", block_rows._DTYPES)
@pytest.mark.parametrize("size", [0, 1, 16, 1001])
def test_every_kind_comes_back(kind: str, size: int) -> None:
    array = some_array(block_rows._DTYPES[kind], size)
    table = to_table(encode(AT, {kind: array}))
    found = decode(table, kind)
    assert found.dtype == array.dtype
    assert found.tobytes() == array.tobytes()


def test_no_part_is_larger_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_rows, "PART_BYTES", 64)
    table = to_table(encode(AT, {"factors": np.arange(100, dtype=np.float32)}))
    sizes = [len(payload) for payload in table.column("payload").to_pylist()]
    assert sizes == [64] * 6 + [16]
    assert table.column("part").to_pylist() == list(range(7))


@pytest.mark.usefixtures("_part_bytes")
def test_rows_of_a_matrix_in_any_order_of_its_parts() -> None:
    rows = np.arange(120, dtype=np.float32).reshape(-1, 5)
    table = to_table(encode(AT, {"z": rows, "x_own": rows + 1}))
    backwards = table.take(list(range(table.num_rows))[::-1])
    np.testing.assert_array_equal(decode_matrix(backwards, "z", 5), rows)
    np.testing.assert_array_equal(decode_matrix(backwards, "x_own", 5), rows + 1)


@pytest.mark.usefixtures("_part_bytes")
def test_messages_come_in_the_order_of_their_sources() -> None:
    rows = {source: np.full(40, source, np.float32) for source in (2, 0, 300)}
    batches = [b for source, row in rows.items() for b in encode(AT, {"message": row}, source)]
    found = decode(to_table(batches), "message")
    np.testing.assert_array_equal(found, np.repeat([0, 2, 300], 40).astype(np.float32))
    assert min(b.column("part")[0].as_py() for b in batches[-1:]) >= 300 << PART_BITS


def test_an_array_that_is_not_contiguous() -> None:
    rows = np.arange(24, dtype=np.float64).reshape(4, 6)[:, ::2]
    table = to_table(encode(AT, {"factors": rows}))
    np.testing.assert_array_equal(decode_matrix(table, "factors", 3), rows.astype(np.float32))


def test_what_is_not_there_is_empty() -> None:
    table = to_table([])
    assert table.schema == SCHEMA
    assert decode(table, "keys").dtype == np.int64
    assert decode_matrix(table, "z", 8).shape == (0, 8)
    assert parts(table, "gram") == []


def test_rows_of_one_domain() -> None:
    other = Address(18, "films", 3)
    table = to_table(
        [*encode(AT, {"z": np.ones(2)}), *encode(other, {"z": np.zeros(3), "exchange": np.ones(1)})]
    )
    assert decode(table, "z", domain="films").tolist() == [0, 0, 0]
    assert decode(table, "z", domain="books").tolist() == [1, 1]
    assert len(decode(table, "exchange", domain="books")) == 0


def test_the_address_is_in_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_rows, "PART_BYTES", 8)
    table = to_table(encode(AT, {"keys": np.arange(3)}))
    assert isinstance(table, pa.Table)
    assert table.schema.names == list(BLOCK_COLUMNS)
    assert set(zip(*(table.column(n).to_pylist() for n in BLOCK_COLUMNS[:4]), strict=True)) == {
        (17, "books", 3, "keys")
    }
