"""Values of options: which are allowed, and what they resolve to."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cdimf_spark.configuration.config import load_config
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig, resolve_unobserved_weight
from cdimf_spark.errors import ConfigurationError, ValueOutOfRangeError


def write(folder: Path, text: str) -> str:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


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
def test_value_out_of_range(name: str, value: Any) -> None:
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
    numbers: dict[str, Any] = {
        "rank": np.int64(8),
        "rho": np.float32(0.5),
        "seed": np.uint64(2**63 - 1),
    }
    model = ModelConfig(**numbers)
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
def test_over_relaxation(options: dict[str, Any], value: float) -> None:
    assert ModelConfig(**options).resolved_over_relaxation == value


def test_unobserved_cells_weigh_as_the_ratio_says() -> None:
    settings = ModelConfig(unobserved_ratio=12).for_domain(DomainConfig("sport", "a.csv"))
    weight = resolve_unobserved_weight(settings, n_users=10, n_items=20, n_interactions=40)
    assert weight * 10 * 20 == pytest.approx(12 * 40)


def test_unobserved_weight_of_its_own() -> None:
    domain = DomainConfig("sport", "a.csv", unobserved_weight=0)
    settings = ModelConfig().for_domain(domain)
    assert resolve_unobserved_weight(settings, 10, 20, 40) == 0.0
