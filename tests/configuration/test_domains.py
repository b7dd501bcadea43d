"""Options of domains as a call in Python gives them: one way for fit, prepare and tune."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cdimf_spark.configuration.domains import IN_MEMORY, given_domains
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.errors import ConfigurationError, UnknownKeyError
from cdimf_spark.preparation.prepare_options import EventsConfig

FRAMES: Mapping[str, str | None] = {"sport": None, "cloth": None}


@pytest.mark.parametrize("kind", [DomainConfig, EventsConfig])
def test_a_misspelt_option_of_a_domain_names_the_nearest_one(kind: type) -> None:
    words = r"'sport\.colums' in domain_options: did you mean 'sport\.columns'"
    with pytest.raises(UnknownKeyError, match=words):
        given_domains(kind, FRAMES, {"sport": {"colums": ["a", "b"]}})
    with pytest.raises(UnknownKeyError, match=r"did you mean 'sport\.reg_param'"):
        given_domains(DomainConfig, FRAMES, {"sport": {"regparam": 3}})


@pytest.mark.parametrize("name", ["path", "format", "separator", "header"])
def test_how_a_file_is_read_is_refused_for_a_frame(name: str) -> None:
    words = rf"option 'sport\.{name}' .*a DataFrame is not read"
    with pytest.raises(ConfigurationError, match=words):
        given_domains(DomainConfig, FRAMES, {"sport": {name: "csv"}})


def test_a_path_is_read_as_its_options_say() -> None:
    options = {"sport": {"format": "csv", "header": True, "columns": ["a", "b"]}}
    sport, cloth = given_domains(DomainConfig, {"sport": "x.dat", "cloth": None}, options)
    assert (sport.path, sport.format, sport.header) == ("x.dat", "csv", True)
    assert sport.columns == ("a", "b")
    assert cloth.path == IN_MEMORY
    with pytest.raises(ConfigurationError, match=r"the path is given already: 'x\.dat'"):
        given_domains(DomainConfig, {"sport": "x.dat"}, {"sport": {"path": "y"}})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (5, "a mapping of domains to their options"),
        ({"sport": 3}, "'sport' in domain_options is 3, but must be a mapping of options"),
        ({"sprot": {}}, "'sprot' in domain_options: did you mean 'sport'"),
        ({"sport": {"reg_param": -1}}, r"'sport\.reg_param' in domain_options is -1"),
    ],
)
def test_other_options(options: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        given_domains(DomainConfig, FRAMES, options)


def test_no_domain() -> None:
    with pytest.raises(ConfigurationError, match="there is no domain"):
        given_domains(DomainConfig, {}, None)
