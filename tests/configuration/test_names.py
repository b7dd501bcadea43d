"""Names of options and domains: unknown, repeated, or not names at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdimf_spark.configuration.config import TrainConfig, load_config
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.errors import ConfigurationError, UnknownKeyError


def write(folder: Path, text: str) -> str:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_unknown_option_in_yaml(tmp_path: Path) -> None:
    with pytest.raises(UnknownKeyError, match=r"'rnak' in .*run\.yaml: did you mean 'rank'\?"):
        load_config(write(tmp_path, "rnak: 3"))


def test_unknown_option_on_the_command_line() -> None:
    with pytest.raises(UnknownKeyError, match=r"'max_itr' in --set: did you mean 'max_iter'\?"):
        load_config(assignments=["max_itr=3"])


def test_unknown_option_of_a_domain(tmp_path: Path) -> None:
    path = write(tmp_path, "domains: {sport: {path: a.csv, colums: 'a,b'}}")
    with pytest.raises(UnknownKeyError, match=r"did you mean 'domains\.sport\.columns'\?"):
        load_config(path)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ü", "_x", "a=b", "a\n"])
def test_bad_domain_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match="domain name"):
        DomainConfig(name, "a.csv")


@pytest.mark.parametrize(
    ("name", "found"),
    [("sürf", "'ü'"), ("日本", "'日', '本'"), ("a/b c", "'/', ' '")],
)
def test_bad_domain_name_names_the_characters(name: str, found: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"has {found}: use the letters A to Z"):
        DomainConfig(name, "a.csv")


def test_domain_names_that_differ_in_case_only() -> None:
    with pytest.raises(ConfigurationError, match="'sport' and 'Sport'"):
        TrainConfig(domains=(DomainConfig("sport", "a"), DomainConfig("Sport", "b")))


def test_one_domain_twice_from_python() -> None:
    domain = DomainConfig("sport", "a")
    with pytest.raises(ConfigurationError, match="'sport' and 'sport'"):
        TrainConfig(domains=(domain, domain))
