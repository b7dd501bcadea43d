"""The configuration: the same names and rules from YAML, the command line and Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.configuration.config import DEFAULT_OUTPUT, TrainConfig, load_config, parse_domains
from cdimf_spark.configuration.differences import differences
from cdimf_spark.configuration.options import describe_options, options_of
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.errors import ConfigurationError

positive = st.floats(1e-300, 1e300)
models = st.builds(
    ModelConfig,
    rank=st.integers(1, 4096),
    max_iter=st.integers(1, 100_000),
    rho=st.floats(0, 1e300),
    reg_param=st.none() | positive,
    reg_scaling=st.sampled_from(["relative", "paper"]),
    reg_exponent=st.none() | st.floats(0, 2),
    unobserved_weight=st.none() | st.floats(0, 1e300),
    schedule=st.sampled_from(["consensus", "paper"]),
    over_relaxation=st.none() | st.floats(0.01, 1.99),
    seed=st.integers(0, 2**63 - 1),
    loss_tol=st.none() | positive,
    num_blocks=st.none() | st.integers(1, 1000),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
domains = st.builds(
    DomainConfig,
    name=names,
    path=texts,
    format=st.sampled_from([None, "csv", "json", "parquet", "delta"]),
    columns=st.sampled_from([None, ("user", "item"), ("3", "1"), ("a b", "ü", "w,x")]),
    separator=st.sampled_from([None, "\t", "::", " ", ","]),
    header=st.sampled_from([None, True]),
    rho=st.none() | positive,
)
configs = st.builds(
    TrainConfig,
    model=models,
    domains=st.lists(domains, unique_by=lambda domain: domain.name.lower(), max_size=3).map(tuple),
    output=texts,
)


def write(folder: Path, text: str) -> str:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


# Round trips


@given(configs)
def test_dict_round_trip(config: TrainConfig) -> None:
    assert TrainConfig.from_dict(config.to_dict()) == config


@given(configs)
def test_json_round_trip(config: TrainConfig) -> None:
    copy = TrainConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert copy == config
    assert differences(copy, config) == []


@given(models)
def test_assignments_mean_the_same_as_keywords(model: ModelConfig) -> None:
    values = {name: getattr(model, name) for name in options_of(ModelConfig)}
    assignments = [f"{name}={'auto' if value is None else value}" for name, value in values.items()]
    assert load_config(assignments=assignments).model == model


# YAML


def test_yaml_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
rank: 128
reg_param: 1e-3
unobserved_weight: auto
over_relaxation: null
residual_tol:
domains:
  sport: data/sport.csv
  cloth:
    path: main.shop.cloth
    columns: {user: buyer, item: article}
    rho: 0.5
output: models/pair
""",
    )
    config = load_config(path)
    assert config.model == ModelConfig(rank=128, reg_param=0.001)
    assert config.output == "models/pair"
    sport, cloth = config.domains
    assert sport == DomainConfig("sport", "data/sport.csv")
    assert cloth == DomainConfig("cloth", "main.shop.cloth", columns=("buyer", "article"), rho=0.5)


@pytest.mark.parametrize("text", ["", "# nothing\n", "domains:\n"])
def test_empty_yaml_is_the_default(tmp_path: Path, text: str) -> None:
    assert load_config(write(tmp_path, text)) == TrainConfig()


def test_nothing_at_all_is_the_default() -> None:
    assert load_config() == TrainConfig(ModelConfig(), (), DEFAULT_OUTPUT)


@pytest.mark.parametrize(
    "written", ["10", "10.0", "1e1", "'10'", "010", "+10"], ids=lambda text: f"rank: {text}"
)
def test_whole_numbers_in_yaml(tmp_path: Path, written: str) -> None:
    assert load_config(write(tmp_path, f"rank: {written}")).model.rank == 10


def test_domain_names_that_yaml_would_turn_into_something_else(tmp_path: Path) -> None:
    path = write(tmp_path, "domains: {no: a.csv, 010: b.csv, 2024-01-01: c.csv, null: d.csv}")
    assert [domain.name for domain in load_config(path).domains] == [
        "no",
        "010",
        "2024-01-01",
        "null",
    ]


def test_domain_twice_in_yaml(tmp_path: Path) -> None:
    path = write(tmp_path, "domains:\n  sport: a.csv\n  sport: b.csv\n")
    with pytest.raises(ConfigurationError, match=r"'sport' is there twice") as caught:
        load_config(path)
    assert "line 3" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["rank: [", "- rank", "just text", "? [a]\n: 1", "rank: 10\nrank: 11", "\tx: 1"],
)
def test_broken_yaml_names_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"run\.yaml"):
        load_config(write(tmp_path, text))


def test_missing_yaml() -> None:
    with pytest.raises(ConfigurationError, match=r"'nowhere\.yaml'.*No such file"):
        load_config("nowhere.yaml")


def test_yaml_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"rank: \xff\xfe")
    with pytest.raises(ConfigurationError, match=r"run\.yaml"):
        load_config(str(path))


def test_tags_in_yaml_construct_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "output: !!python/object/apply:os.getcwd []")
    with pytest.raises(ConfigurationError):
        load_config(path)


# The command line


def test_command_line_overrides_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "rank: 8\nseed: 3\ndomains: {a.b: a.csv}\noutput: x\n")
    config = load_config(
        path,
        ["rank=16", "domains.a.b.reg_param=3", "domains.a.b.columns=2,1"],
        ["a.b=other=1.csv", "c=c.csv"],
        "y",
    )
    assert (config.model.rank, config.model.seed, config.output) == (16, 3, "y")
    assert config.domains[0] == DomainConfig(
        "a.b", "other=1.csv", reg_param=3.0, columns=("2", "1")
    )
    assert config.domains[1] == DomainConfig("c", "c.csv")


@pytest.mark.parametrize("argument", ["rank", "=3", ""])
def test_assignment_without_a_key_or_a_value(argument: str) -> None:
    with pytest.raises(ConfigurationError, match="write --set KEY=VALUE"):
        load_config(assignments=[argument])


def test_assignment_twice() -> None:
    with pytest.raises(ConfigurationError, match="--set has 'rank' twice"):
        load_config(assignments=["rank=3", "rank=4"])


@pytest.mark.parametrize("argument", ["sport", "sport=", "=a.csv"])
def test_domain_without_a_name_or_a_path(argument: str) -> None:
    with pytest.raises(ConfigurationError, match="write --domain NAME=PATH"):
        load_config(domains=[argument])


def test_domain_twice_on_the_command_line() -> None:
    with pytest.raises(ConfigurationError, match="--domain has 'sport' twice"):
        load_config(domains=["sport=a.csv", "sport=b.csv"])


def test_parse_domains_keeps_the_order() -> None:
    assert list(parse_domains(["b=1", "a=2"], "--test").items()) == [("b", "1"), ("a", "2")]


# Differences and help


def test_differences() -> None:
    first = load_config(assignments=["rank=8"], domains=["a=1", "b=2"], output="x")
    second = load_config(assignments=["domains.a.rho=2"], domains=["a=1", "c=2"], output="y")
    assert [str(difference) for difference in differences(first, second)] == [
        "rank 8 -> 64",
        "domains.a.rho auto -> 2.0",
        "domains.b present -> absent",
        "domains.c absent -> present",
    ]


def test_every_option_is_described() -> None:
    rows = describe_options(ModelConfig)
    assert [row[0] for row in rows] == list(options_of(ModelConfig))
    assert all(default and meaning and allowed for _, default, meaning, allowed in rows)
    assert rows[0] == (
        "rank",
        "64",
        "length of a factor row",
        "a whole number between 1 and 4096",
    )


def test_options_of_a_domain_that_is_not_there_name_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="no path: did you mean 'sport'"):
        load_config(None, ["domains.sprot.columns=a,b"], ["sport=a.csv"])
