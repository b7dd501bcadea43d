"""Blinded points: those of the RFC, and equal for equal names whoever blinds first."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.federation.blinding import blind_names, blind_points, new_blinding_key

SCALARS = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize(
    ("scalar", "point", "expected"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_vectors_of_rfc_7748(scalar: str, point: str, expected: str) -> None:
    found = blind_points(bytes.fromhex(scalar), [bytes.fromhex(point)])
    assert [one.hex() for one in found] == [expected]


@given(SCALARS, SCALARS, st.lists(st.text(), max_size=5))
def test_it_does_not_matter_who_blinds_first(one: bytes, other: bytes, names: list[str]) -> None:
    assert blind_points(one, blind_names(other, names)) == blind_points(
        other, blind_names(one, names)
    )


def test_a_point_tells_no_name() -> None:
    names = [f"user-{n}" for n in range(100)]
    keys = new_blinding_key(), new_blinding_key()
    first, second = (blind_names(key, names) for key in keys)
    assert len(set(first)) == len(names)
    assert not set(first) & set(second)
    assert not set(first) & {hashlib.sha256(name.encode()).digest() for name in names}


@pytest.mark.parametrize("point", [bytes(32), b"short"])
def test_what_is_no_point_is_refused(point: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
        blind_points(new_blinding_key(), [point])
