"""The configuration: the same names and rules from YAML, the command line and Python."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.config import (
    DEFAULT_OUTPUT,
    DomainConfig,
    ModelConfig,
    TrainConfig,
    differences,
    load_config,
    parse_domains,
    resolve_unobserved_weight,
)
from cdimf_spark.errors import ConfigurationError, UnknownKeyError, ValueOutOfRangeError
from cdimf_spark.options import describe_options, options_of

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


# Names


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


def test_domain_names_that_differ_in_case_only() -> None:
    with pytest.raises(ConfigurationError, match="'sport' and 'Sport'"):
        TrainConfig(domains=(DomainConfig("sport", "a"), DomainConfig("Sport", "b")))


def test_one_domain_twice_from_python() -> None:
    domain = DomainConfig("sport", "a")
    with pytest.raises(ConfigurationError, match="'sport' and 'sport'"):
        TrainConfig(domains=(domain, domain))


# Values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rank", 0),
        ("rank", 4097),
        ("rank", 2.5),
        ("rank", "ten"),
        ("rank", True),
        ("rank", None),
        ("rank", "auto"),
        ("rank", [3]),
        ("max_iter", 0),
        ("rho", -1),
        ("rho", math.inf),
        ("rho", math.nan),
        ("rho", "nan"),
        ("rho", "1e999"),
        ("rho", 10**400),
        ("rho", np.bool_(True)),
        ("reg_param", 0),
        ("reg_param", False),
        ("reg_exponent", 2.1),
        ("unobserved_weight", -0.1),
        ("over_relaxation", 0),
        ("over_relaxation", 2),
        ("aggregation_period", 0),
        ("schedule", "Consensus"),
        ("schedule", ""),
        ("proximal", "l1"),
        ("duplicates", 1),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_value_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ValueOutOfRangeError, match=f"option '{name}' is .* but must be "):
        ModelConfig(**{name: value})


def test_rank_out_of_range_names_the_range_and_the_place(tmp_path: Path) -> None:
    match = r"'rank' in .*run\.yaml is '9999', but must be a whole number between 1 and 4096"
    with pytest.raises(ValueOutOfRangeError, match=match):
        load_config(write(tmp_path, "rank: 9999"))


def test_value_out_of_range_on_the_command_line_is_not_the_files_fault(tmp_path: Path) -> None:
    path = write(tmp_path, "domains: {sport: a.csv}")
    with pytest.raises(ValueOutOfRangeError, match=r"'domains\.sport\.rho' in --set"):
        load_config(path, ["domains.sport.rho=-1"])


def test_numbers_of_numpy_become_plain() -> None:
    model = ModelConfig(rank=np.int64(8), rho=np.float32(0.5), seed=np.uint64(2**63 - 1))
    assert (type(model.rank), type(model.rho)) == (int, float)
    assert model.seed == 2**63 - 1


def test_large_seed_from_text_is_exact() -> None:
    assert load_config(assignments=["seed=9007199254740993"]).model.seed == 9007199254740993


def test_strength_without_an_operator() -> None:
    with pytest.raises(ConfigurationError, match="set proximal to l2"):
        ModelConfig(proximal_strength=0.1)


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        ("a,b", ("a", "b")),
        ("2, 1, 3", ("2", "1", "3")),
        ([2, 1], ("2", "1")),
        ({"user": "a", "weight": "c", "item": "b"}, ("a", "b", "c")),
        (None, None),
        ("auto", None),
    ],
)
def test_columns(value: object, columns: tuple[str, ...] | None) -> None:
    assert DomainConfig("sport", "a.csv", columns=value).columns == columns  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", ["a", "a,b,c,d", "a,a", "a,", [], {"user": "a"}, {"user": "a", "itm": "b"}, 3]
)
def test_bad_columns(value: object) -> None:
    with pytest.raises(ValueOutOfRangeError, match="two or three different columns"):
        DomainConfig("sport", "a.csv", columns=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "separator"),
    [("tab", "\t"), ("\\t", "\t"), (" ", " "), ("::", "::"), ("Comma", ","), ("auto", None)],
)
def test_separator(value: str, separator: str | None) -> None:
    assert DomainConfig("sport", "a.csv", separator=value).separator == separator


@pytest.mark.parametrize("value", ['"', "\n", "abcde", 3])
def test_bad_separator(value: object) -> None:
    with pytest.raises(ValueOutOfRangeError, match="separator"):
        DomainConfig("sport", "a.csv", separator=value)  # type: ignore[arg-type]


def test_names_of_columns_need_a_header() -> None:
    with pytest.raises(ConfigurationError, match="positions"):
        DomainConfig("sport", "a.csv", columns=("a", "b"), header=False)


@pytest.mark.parametrize("value", ["3", "[a.csv]"])
def test_domains_must_be_a_mapping(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueOutOfRangeError, match="'domains'"):
        load_config(write(tmp_path, f"domains: {value}"))


def test_domain_without_a_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'sport' has no path"):
        load_config(write(tmp_path, "domains: {sport: {rho: 2}}"))


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


# What the options resolve to


def test_automatic_values() -> None:
    domain = DomainConfig("sport", "a.csv")
    relative = ModelConfig().for_domain(domain)
    assert (relative.reg_param, relative.unobserved_weight) == (2.0, None)
    assert (relative.user_reg_exponent, relative.item_reg_exponent) == (0.0, 0.5)
    paper = ModelConfig(reg_scaling="paper").for_domain(domain)
    assert (paper.reg_param, paper.unobserved_weight) == (0.03, 0.3)
    assert (paper.user_reg_exponent, paper.item_reg_exponent) == (1.0, 1.0)


def test_reg_exponent_is_for_both_sides_unless_one_has_its_own() -> None:
    settings = ModelConfig(reg_exponent=0.7, item_reg_exponent=0.2).for_domain(
        DomainConfig("sport", "a.csv")
    )
    assert (settings.user_reg_exponent, settings.item_reg_exponent) == (0.7, 0.2)


def test_domain_comes_before_the_model() -> None:
    domain = DomainConfig("sport", "a.csv", reg_param=3, unobserved_weight=0, rho=0)
    settings = ModelConfig(reg_param=5, unobserved_weight=5, rho=5).for_domain(domain)
    assert (settings.reg_param, settings.unobserved_weight, settings.rho) == (3.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("options", "value"),
    [({}, 1.6), ({"schedule": "paper"}, 1.0), ({"schedule": "paper", "over_relaxation": 1.2}, 1.2)],
)
def test_over_relaxation(options: dict[str, object], value: float) -> None:
    assert ModelConfig(**options).resolved_over_relaxation == value  # type: ignore[arg-type]


def test_unobserved_cells_weigh_as_the_ratio_says() -> None:
    settings = ModelConfig(unobserved_ratio=12).for_domain(DomainConfig("sport", "a.csv"))
    weight = resolve_unobserved_weight(settings, n_users=10, n_items=20, n_interactions=40)
    assert weight * 10 * 20 == pytest.approx(12 * 40)


def test_unobserved_weight_of_its_own() -> None:
    domain = DomainConfig("sport", "a.csv", unobserved_weight=0)
    settings = ModelConfig().for_domain(domain)
    assert resolve_unobserved_weight(settings, 10, 20, 40) == 0.0


# Differences and help


def test_differences() -> None:
    first = load_config(assignments=["rank=8"], domains=["a=1", "b=2"], output="x")
    second = load_config(assignments=["domains.a.rho=2"], domains=["a=1", "c=2"], output="y")
    assert differences(first, second) == ["rank", "domains.a.rho", "domains.b", "domains.c"]


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
