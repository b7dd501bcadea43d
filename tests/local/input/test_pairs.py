"""Tables that cannot be used are refused by name, row and column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from cdimf_spark.errors import DataError
from cdimf_spark.input_errors import BadRowsError, ColumnsError, EmptyInputError
from cdimf_spark.local.input.domain_data import index_pairs
from cdimf_spark.local.input.pairs import read_pairs


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"user_id": ["a", "b", "c"], "item_id": ["x", "y", "z"], **columns})


def test_missing_columns_are_listed() -> None:
    with pytest.raises(ColumnsError, match=r"well-known name for items\. Present: user_id, shop"):
        read_pairs(pd.DataFrame({"user_id": ["a"], "shop": ["b"]}), "sport")
    with pytest.raises(ColumnsError, match=r"no column 'buyer'\. Present: user_id, item_id"):
        read_pairs(frame(), "sport", columns=["buyer", "item_id"])


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"user_id": ["a", None, "c"]}, "user_id is empty"),
        ({"item_id": ["x", "  ", None]}, "item_id is empty"),
        ({"user_id": [1.0, 2.5, 3.0]}, "user_id is 2.5, not a whole number"),
        ({"user_id": [1.0, 2.0**60, 3.0]}, "not a whole number"),
        ({"weight": [1.0, -1.0, 0.0]}, "weight is '-1.0', but must be a finite number"),
        ({"weight": [1.0, np.inf, -1.0]}, "weight is 'inf', but must be a finite number"),
        ({"weight": [1.0, np.nan, 1.0]}, "weight is empty"),
        ({"weight": ["1", "many", "2"]}, "weight is 'many', but must be a finite number"),
    ],
)
def test_the_first_bad_row_is_shown(columns: dict[str, Any], problem: str) -> None:
    for data in (frame(**columns), pa.Table.from_pandas(frame(**columns))):
        with pytest.raises(BadRowsError) as raised:
            read_pairs(data, "sport")
        text = str(raised.value)
        assert problem in text
        assert "domain 'sport', 'the DataFrame'" in text
        assert '"item_id"' in text
        assert "row 1, counted from 0" in text
        assert f"{raised.value.n_bad} row" in text


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"user_id": [True, False, True]}, "of type bool, but ids must be texts or whole numbers"),
        ({"item_id": [["x"], ["y"], []]}, "but ids must be texts or whole numbers"),
        ({"user_id": ["a", 1, "c"]}, "values of several types"),
        ({"weight": [True, False, True]}, "of type bool, but a weight must be a number"),
        ({"weight": pd.to_datetime(["2020", "2021", "2022"])}, "but a weight must be a number"),
    ],
)
def test_types_that_cannot_be_used(columns: dict[str, Any], problem: str) -> None:
    with pytest.raises(ColumnsError, match=problem):
        read_pairs(frame(**columns), "sport")


def test_what_is_no_table() -> None:
    with pytest.raises(DataError, match=r"an Arrow table or \(user_ids.*not int"):
        read_pairs(3, "sport")


def test_rows_of_weight_0_are_left_out() -> None:
    data = index_pairs(read_pairs(frame(weight=[0, 2, 1]), "sport"), "sum")
    assert sorted(data.users.ids) == ["b", "c"]
    assert sorted(data.items.ids) == ["y", "z"]
    assert data.n_rows == 2
    with pytest.raises(EmptyInputError, match="all weights are 0"):
        read_pairs(frame(weight=0), "sport")
    with pytest.raises(EmptyInputError):
        read_pairs(frame().iloc[:0], "sport")


def test_tables_in_parts() -> None:
    parts = [pa.Table.from_pandas(frame()), pa.Table.from_pandas(frame().iloc[::-1])]
    data = index_pairs(read_pairs(pa.concat_tables(parts), "sport"), "sum")
    assert data.cells.toarray().sum() == 6
    assert data.cells.nnz == 3


def test_an_id_is_found_under_its_own_text() -> None:
    rng = np.random.default_rng(0)
    users, items = (rng.integers(0, 50, 400) for _ in range(2))
    weights = rng.uniform(0.1, 2, 400)
    table = pd.DataFrame({"user_id": users, "item_id": items, "weight": weights})
    data = index_pairs(read_pairs(table, "sport"), "sum")
    expected = table.groupby(["user_id", "item_id"])["weight"].sum()
    cells = data.cells.tocoo()
    assert cells.nnz == len(expected)
    for user, item, weight in zip(*cells.coords, cells.data, strict=True):
        pair = int(data.users.ids[user]), int(data.items.ids[item])
        assert weight == pytest.approx(expected[pair])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ((["a"], ["x", "y"], csr_array(np.ones((2, 2)))), "1 ids in user_ids.* has 2 rows"),
        ((["a", "b"], ["x"], csr_array(np.ones((2, 2)))), "1 ids in item_ids.* has 2 columns"),
        ((["a", "a"], ["x", "y"], csr_array(np.ones((2, 2)))), "'a' occurs twice among the user"),
        ((["a"], ["x"]), "sparse matrix of scipy"),
        ((["a"], ["x"], np.ones((1, 1))), "sparse matrix of scipy"),
        ((["a", " "], ["x", "y"], csr_array(np.ones((2, 2)))), "user_id is empty"),
        ((["a", "b"], ["x", "y"], csr_array([[1, -1], [1, 1]])), "weight is '-1'"),
    ],
)
def test_matrices_that_do_not_fit(data: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_pairs(data, "sport")
