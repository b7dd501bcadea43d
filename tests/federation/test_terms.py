from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cdimf_spark.errors import ConfigurationError, UnknownKeyError
from cdimf_spark.federation.terms import Terms, load_terms

SMALL: dict[str, Any] = {"federation": "shops", "parties": ["sport", "cloth"]}


def terms(**values: Any) -> Terms:
    return Terms.from_dict({**SMALL, **values})


def test_a_file_is_read_with_defaults(tmp_path: Path) -> None:
    path = tmp_path / "terms.yaml"
    path.write_text(
        "federation: shops\nparties: [sport, video, cloth]\nrank: 8\n"
        "round_timeout: 10m\nquorum: 2\n"
    )
    found = load_terms(str(path))
    assert found.parties == ("cloth", "sport", "video")
    assert (found.rank, found.round_timeout, found.quorum, found.needed) == (8, 600.0, 2, 2)
    assert (found.max_staleness, found.on_stale, found.identity) == (3, "freeze", "pseudonyms")
    assert terms().needed == 2


def test_equal_terms_have_one_digest_however_they_are_written() -> None:
    assert terms(parties="cloth, sport", rank="64").digest() == terms().digest()
    assert terms(rank=65).digest() != terms().digest()


def test_a_difference_is_named() -> None:
    assert terms(rank=8).differences(terms(seed=3).to_json()) == {"rank": (8, 64), "seed": (0, 3)}
    assert terms().differences(terms().to_json()) == {}


@pytest.mark.parametrize("name", ["federation", "parties"])
def test_what_every_federation_has_to_say(name: str) -> None:
    values = {key: value for key, value in SMALL.items() if key != name}
    with pytest.raises(ConfigurationError, match=f"'{name}' is missing"):
        Terms.from_dict(values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"parties": ["sport"]}, "at least two names"),
        ({"parties": ["sport", "Sport"]}, "not in case only"),
        ({"parties": ["sport", "../cloth"]}, "letters, digits"),
        ({"quorum": 3}, "has 2 parties"),
        ({"quorum": 0}, "a number of parties"),
        ({"on_stale": "panic"}, "freeze, wait, drop, fail"),
        ({"round_timeout": "soon"}, "90s, 10m"),
        ({"rank": 0}, "between 1 and 4096"),
        ({"proximal_strength": 1}, "proximal 'identity' has none"),
    ],
)
def test_bad_terms(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        terms(**values)


def test_a_misspelt_term() -> None:
    with pytest.raises(UnknownKeyError, match="did you mean 'max_staleness'"):
        terms(max_stalenes=3)
