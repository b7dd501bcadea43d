"""A first line that looks like names of columns is a question; data never are."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cdimf_spark.configuration.columns import ITEM_NAMES, USER_NAMES, plain_name
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.first_line import looks_like_names
from cdimf_spark.distributed.input.sniffing import find_text_layout
from cdimf_spark.input_errors import ColumnsError
from tests.support.amazon import DATA

# Ids as shops have them: numbers, numbers with a prefix, hexadecimal hashes, mail addresses, words.
numbers = st.integers(0, 10**12).map(str)
prefixed = st.builds("{}{}".format, st.sampled_from(["u", "B00", "customer-", "é"]), numbers)
hashes = st.integers(16**15, 16**16).map("{:x}".format)
mails = st.builds("{}@{}".format, prefixed, st.sampled_from(["example.org", "shop.example"]))
with_digits = st.sampled_from([numbers, prefixed, hashes, mails]).flatmap(
    lambda kind: st.lists(kind, min_size=2, max_size=40)
)
words = st.text("abcdefghijklmnopqrstuvwxyzäłж日", min_size=1, max_size=12)
known = {plain_name(name) for name in (*USER_NAMES, *ITEM_NAMES)}


def refused(*lines: str, **options: object) -> bool:
    try:
        find_text_layout(lines, DomainConfig("sport", "sport.csv", **options))  # type: ignore[arg-type]
    except ColumnsError as error:
        if "looks like the names of the columns" not in str(error):
            raise
        return True
    return False


def pairs(users: list[str], items: list[str]) -> list[tuple[str, str]]:
    return list(zip(users, itertools.cycle(items), strict=False))


@given(with_digits, with_digits)
def test_ids_with_digits_are_never_names(users: list[str], items: list[str]) -> None:
    first, *others = pairs(users, items)
    assert any(char.isdigit() for cell in first for char in cell)
    # Numbers below another kind of id could have names above them: one kind a column here.
    assert not looks_like_names(first, others)


@given(st.lists(words, min_size=2, max_size=2), with_digits, with_digits)
def test_words_above_ids_with_digits_are_names(
    names: list[str], users: list[str], items: list[str]
) -> None:
    assume(not known & {plain_name(name) for name in names})
    lines = [",".join(row) for row in (names, *pairs(users, items))]
    assert refused(*lines)
    assert not refused(*lines, header=False)
    assert not refused(*lines, header=True)


@given(st.lists(st.tuples(words, words), min_size=1, max_size=19))
def test_few_lines_of_words_are_data(lines: list[tuple[str, str]]) -> None:
    assert not looks_like_names(lines[0], lines[1:])


@given(st.lists(st.tuples(words, words), min_size=2, max_size=60, unique=True), st.integers(0, 59))
def test_at_most_one_order_of_a_file_of_words_is_refused(
    lines: list[tuple[str, str]], turn: int
) -> None:
    """Whatever the data, no more than one of their lines is taken for names if it is the first."""
    turns = [lines[n:] + lines[:n] for n in range(len(lines))]
    assert sum(looks_like_names(rows[0], rows[1:]) for rows in turns) <= 1


def test_words_that_never_come_again_above_words_that_do() -> None:
    body = [(user, item) for user in ("anna", "boris", "clara") for item in "abcdefgh"]
    assert looks_like_names(("klient", "towar"), body)
    # Too few to tell; one line more that stands alone; a value that comes again.
    assert not looks_like_names(("klient", "towar"), body[:10])
    assert not looks_like_names(("klient", "towar"), [*body, ("dora", "boots")])
    assert not looks_like_names(("anna", "towar"), body)


@pytest.mark.parametrize(
    "lines",
    [
        ["klient,towar", "17,4"],
        ["klient,towar,data", "u1,i1,2024-01-01", "u2,i2,2024-01-02"],
        ["col1,col2", "17,4", "18,5"],
        ['"Klient Nr","Towar"', '"17","4"'],
        ["顧客,商品", "u1,i1"],
        # As pandas writes a frame with its index.
        [",klient,towar", "0,u1,i1", "1,u2,i2"],
        # As a folder of files with a header each, or files put together, may look.
        ["klient,towar", "u1,i1", "klient,towar", "u2,i2"],
        ["klient;towar;ilosc", "u1;i1;1", "u2;i2;3"],
        # Users without digits: their column says nothing, that of the items does.
        ["klient,towar", *(f"{user},i{n}" for user in ("anna", "boris") for n in range(10))],
    ],
)
def test_names(lines: list[str]) -> None:
    assert refused(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        ["klient,towar"],
        ["klient,towar", "klient,towar"],
        ["klient,towar", "", "one cell"],
        ["anna,boots", "boris,shoes", "anna,shoes"],
        ["anna,boots", "u2,i2x", "boris,shoes"],
        ["anna,boots,5", "u2,i2,3"],
        ["B00X,0345453743", "0345453743,B00X"],
        ["guest,i1", "17,i2", "18,i3"],
        ["-1,1e5", "2,3"],
        # One item of many has a digit, the first line has none: no reason to stop.
        ["anna,boots", *(f"boris,shoes{n}" for n in range(18))],
    ],
)
def test_data(lines: list[str]) -> None:
    assert not refused(*lines)


def test_the_question_names_the_file_the_line_and_the_options() -> None:
    with pytest.raises(ColumnsError) as caught:
        find_text_layout(
            ["klient,towar", "17,4"], DomainConfig("sport", "in"), file="in/part-0.csv"
        )
    for said in ("'in/part-0.csv': line 1, 'klient,towar'", "header: true", "header: false"):
        assert said in str(caught.value)
    assert "Present: klient, towar. Say which columns" in str(caught.value)


def test_positions_leave_the_question_open() -> None:
    assert refused("klient,t,towar", "17,880,4", columns=("1", "3"))
    assert not refused("klient,t,towar", "17,880,4", columns=("1", "3"), header=True)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no Amazon pairs in {DATA}")
def test_real_files_raise_no_question() -> None:
    """Wherever in a file of the Amazon pairs the first line would be."""
    files = sorted(Path(DATA).rglob("*.txt"))
    assert files
    for file in files:
        lines = file.read_text().splitlines()
        starts = range(0, len(lines), max(1, len(lines) // 40))
        windows = [lines[start : start + size] for start in starts for size in (1, 2, 200)]
        assert not any(refused(*window) for window in windows)
