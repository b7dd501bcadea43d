from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.federation.durations import duration_text, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (90, 90), ("90s", 90), ("1.5 m", 90), ("2h", 7200), ("7D", 604800), (0.2, 0.2)],
)
def test_units(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "-3", "soon", "3 weeks", "nan", "inf", True, None, "1e3"]
)
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match="90s, 10m"):
        parse_duration(text)


@given(st.integers(1, 10**7))
def test_what_is_said_is_read_back(seconds: int) -> None:
    assert parse_duration(duration_text(seconds)) == seconds


def test_the_largest_whole_unit() -> None:
    assert [duration_text(s) for s in (45, 600, 7200, 86400, 5400)] == [
        "45s",
        "10m",
        "2h",
        "1d",
        "90m",
    ]
