"""Columns and layouts, from names and first lines."""

from __future__ import annotations

from typing import Any

import pytest

from cdimf_spark.configuration.columns import Roles, choose_columns
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.sniffing import (
    find_text_layout,
    json_keys,
    split_line,
)
from cdimf_spark.errors import DataError
from cdimf_spark.input_errors import ColumnsError


def domain(**options: Any) -> DomainConfig:
    return DomainConfig("sport", "sport.csv", **options)


@pytest.mark.parametrize(
    ("lines", "separator"),
    [
        (["u1\ti1", "u2\ti2"], "\t"),
        (["u1,i1"], ","),
        (["u1;i1;1,5", "u2;i2;2,5"], ";"),
        (["u1|i1"], "|"),
        (["u1::i1::3"], "::"),
        (["u1   i1", "u2\ti2"], " "),
        (["u 1,i 1", "u2,i 2"], ","),
        (["a;b,i1", "c,i2"], ","),
        (["user,item;no", "u1,i1;x"], ";"),
        (["user_id,item", "a;b,c", "d;e,f"], ","),
        (['"a,b";i1', '"c,d";i2'], ";"),
    ],
)
def test_separator(lines: list[str], separator: str) -> None:
    assert find_text_layout(lines, domain(header=False)).separator == separator


def test_separator_given() -> None:
    layout = find_text_layout(["a,b;c"], domain(separator=","))
    assert (layout.separator, layout.n_columns) == (",", 2)


@pytest.mark.parametrize(
    ("first", "roles"),
    [
        ("user,item", Roles(0, 1, None)),
        ("Item ID,User-Id,Weight", Roles(1, 0, 2)),
        ("reviewerID,asin,overall,unixReviewTime", Roles(0, 1, 2)),
        ("timestamp,userId,movieId", Roles(1, 2, None)),
        ("customer,sku,qty", Roles(0, 1, 2)),
        ("clicks,user,item", Roles(1, 2, 0)),
        ("user,item,views", Roles(0, 1, 2)),
        ('#"user","item"', Roles(0, 1, None)),
    ],
)
def test_header_with_well_known_names(first: str, roles: Roles) -> None:
    layout = find_text_layout([first, "1,2,3"], domain(separator=","))
    assert layout.header == first
    assert layout.roles == roles


@pytest.mark.parametrize(
    ("first", "roles"),
    [("1,2", Roles(0, 1, None)), ("a,b,1", Roles(0, 1, 2)), ("kunde,artikel", Roles(0, 1, None))],
)
def test_no_header(first: str, roles: Roles) -> None:
    layout = find_text_layout([first], domain())
    assert layout.header is None
    assert layout.roles == roles


def test_header_false_makes_names_data() -> None:
    assert find_text_layout(["user,item"], domain(header=False)).header is None


def test_header_true_with_names_of_its_own() -> None:
    layout = find_text_layout(["kunde,artikel"], domain(header=True))
    assert (layout.header, layout.roles) == ("kunde,artikel", Roles(0, 1, None))


def test_columns_by_name_imply_a_header() -> None:
    layout = find_text_layout(["kunde,t,artikel"], domain(columns=("artikel", "kunde")))
    assert (layout.header, layout.roles) == ("kunde,t,artikel", Roles(2, 0, None))


def test_columns_by_position_with_and_without_a_header() -> None:
    columns = domain(columns=("3", "1"))
    assert find_text_layout(["a,b,c"], columns).header is None
    layout = find_text_layout(["item,t,user"], columns)
    assert (layout.header, layout.roles) == ("item,t,user", Roles(2, 0, None))


def test_half_a_header_is_a_question() -> None:
    with pytest.raises(ColumnsError, match=r"no column of items \(if it is data, set header"):
        find_text_layout(["user,title"], domain())


@pytest.mark.parametrize("first", ["u1", "u1,i1,1,880", "a,b,c,d,e"])
def test_other_numbers_of_columns_need_the_option(first: str) -> None:
    with pytest.raises(ColumnsError, match=r"none with a well-known name.*option 'columns'"):
        find_text_layout([first], domain())


def test_a_test_set_may_have_more_columns() -> None:
    layout = find_text_layout(["u1,i1,1,880"], domain(), with_weight=False)
    assert (layout.n_columns, layout.roles) == (4, Roles(0, 1, None))


@pytest.mark.parametrize("name", ["0", "4", "buyer"])
def test_missing_column_lists_the_present_ones(name: str) -> None:
    with pytest.raises(ColumnsError, match=rf"no column '?{name}.*Present: user, item, t\."):
        choose_columns(["user", "item", "t"], ["user", name], "sport.csv")


def test_two_columns_that_look_alike_are_a_question() -> None:
    with pytest.raises(ColumnsError, match="2 columns have a well-known name for items"):
        choose_columns(["user_id", "item_id", "product_id"], None, "sport.parquet")


def test_names_without_regard_to_case_if_there_is_one() -> None:
    assert choose_columns(["User", "Item"], ["user", "ITEM"], "x") == Roles(0, 1, None)
    assert choose_columns(["a", "A", "b"], ["A", "b"], "x") == Roles(1, 2, None)
    with pytest.raises(ColumnsError, match="several columns"):
        choose_columns(["ab", "AB", "b"], ["Ab", "b"], "x")


def test_position_is_not_a_name() -> None:
    assert choose_columns(["2", "1"], ["2", "1"], "x") == Roles(1, 0, None)


def test_split_line_of_very_long_cells() -> None:
    line = "u" * 200_000 + ",i"
    assert [len(cell) for cell in split_line(line, ",")] == [200_000, 1]


def test_json_keys_in_order() -> None:
    assert json_keys(['{"b": 1}', "x", '{"a": 1, "b": 2}'], "x") == ["b", "a"]


@pytest.mark.parametrize("line", ["[", "user,item", "3", '[{"user": 1}]'])
def test_not_json_lines(line: str) -> None:
    with pytest.raises(DataError, match="JSON lines are wanted"):
        json_keys([line], "x.json")


def test_bytes_that_are_no_text_are_not_taken_for_columns() -> None:
    """A picture was said to have one column without a well-known name."""
    lines = ["\ufffdPNG", "\x1a", "\ufffd\ufffdIHDR\x00\x00\x01,\ufffd"]
    with pytest.raises(DataError, match=r"domain 'sport': 'a\.png' is not text in UTF-8"):
        find_text_layout(lines, DomainConfig("sport", "a.png"))
    # A broken letter in an id is no reason to refuse a file.
    find_text_layout(["M\ufffdller-Schmidt,item-1,3"], DomainConfig("sport", "a.csv"))
