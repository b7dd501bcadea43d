"""The readable specification against a dense reference, and the theorems of the method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.solver.local import LocalDomain, train_local
from tests.support.dense_reference import Reference
from tests.support.helpers import assert_factors_close, random_domains, to_local
from tests.support.small_trainings import (
    MODEL,
    PAPER,
    PAPER_NUMBERS,
    REFERENCE,
    items,
    train,
    users,
)

# Every option against the dense reference


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, {}),
        ({"over_relaxation": 1.0}, {"over_relaxation": 1.0}),
        ({"rho": 7.0}, {"rho": 7.0}),
        ({"shared_user_weight": 3.0}, {"shared_user_weight": 3.0}),
        ({"aggregation_period": 3}, {"period": 3}),
        ({"aggregation_period": 2}, {"period": 2}),
        ({"proximal": "l2", "proximal_strength": 0.7}, {"shrinkage": 0.7}),
        ({"reg_param": 0.5, "reg_exponent": 1.0}, {"reg_param": 0.5, "exponents": (1.0, 1.0)}),
        ({"user_prior": 0.6}, {"prior": 0.6}),
        (
            {"user_prior": 1.0, "schedule": "paper", "user_reg_exponent": 0.4},
            {"prior": 1.0, "schedule": "paper", "over_relaxation": 1.0, "exponents": (0.4, 0.5)},
        ),
        ({"user_reg_exponent": 0.3}, {"exponents": (0.3, 0.5)}),
        ({"item_reg_exponent": 0.0}, {"exponents": (0.0, 0.0)}),
        ({"unobserved_weight": 0.1}, {"a0": 0.1}),
        ({"unobserved_ratio": 3.0}, {"ratio": 3.0}),
        (
            {"reg_scaling": "paper"},
            PAPER_NUMBERS | {"schedule": "consensus", "over_relaxation": 1.6},
        ),
        ({"schedule": "paper"}, {"schedule": "paper", "over_relaxation": 1.0}),
        (PAPER, PAPER_NUMBERS),
        (PAPER | {"aggregation_period": 3}, PAPER_NUMBERS | {"period": 3}),
        (PAPER | {"over_relaxation": 1.5}, PAPER_NUMBERS | {"over_relaxation": 1.5}),
        (
            PAPER | {"proximal": "l2", "proximal_strength": 2.0, "rho": 0.4},
            PAPER_NUMBERS | {"shrinkage": 2.0, "rho": 0.4},
        ),
        (PAPER | {"shared_user_weight": 0.5}, PAPER_NUMBERS | {"shared_user_weight": 0.5}),
        ({"seed": 5, "max_iter": 1}, {"seed": 5, "max_iter": 1}),
    ],
    ids=lambda value: "-".join(f"{k}={v}" for k, v in value.items()) or "defaults",
)
def test_equals_the_dense_reference(
    rng: np.random.Generator, options: dict[str, Any], numbers: dict[str, Any]
) -> None:
    domains = random_domains(rng, weighted=True)
    model = train(domains, replace(MODEL, **options))
    expected = Reference(domains, **{**REFERENCE, **numbers})
    assert_factors_close(users(model, domains), expected.users, rtol=1e-5, atol=1e-5)
    assert_factors_close(items(model, domains), expected.items, rtol=1e-5, atol=1e-5)
    assert_factors_close(model.shared_factors, expected.shared, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.losses, expected.losses, rtol=2e-5, atol=1e-5)


def test_options_of_single_domains(rng: np.random.Generator) -> None:
    domains = random_domains(rng, names=("a", "b", "c", "d"))
    configs = (
        DomainConfig("a", "memory", reg_param=0.7, rho=0.2),
        DomainConfig("b", "memory", unobserved_weight=0.05),
        DomainConfig("c", "memory", rho=0),
    )
    own = {"a": {"reg_param": 0.7, "rho": 0.2}, "b": {"a0": 0.05}, "c": {"rho": 0.0}}
    model = train(domains, MODEL, *configs)
    expected = Reference(domains, **REFERENCE, own=own)
    assert_factors_close(users(model, domains), expected.users, rtol=1e-5, atol=1e-5)
    assert_factors_close(items(model, domains), expected.items, rtol=1e-5, atol=1e-5)
    assert_factors_close(model.shared_factors, expected.shared, rtol=1e-5, atol=1e-5)
    # Domain c takes no part: it is trained as if it were alone.
    alone = {"c": domains["c"]}
    separate = train(alone)
    np.testing.assert_array_equal(model.item_factors["c"], separate.item_factors["c"])


# Invariances


def test_the_order_of_rows_and_columns_does_not_matter(rng: np.random.Generator) -> None:
    domains = random_domains(rng, weighted=True)
    shuffled = {name: frame.sample(frac=1.0, random_state=3) for name, frame in domains.items()}
    assert to_local(shuffled)["books"].user_ids != to_local(domains)["books"].user_ids
    one, other = train(domains), train(shuffled)
    assert_factors_close(users(other, shuffled), users(one, domains), rtol=1e-5, atol=1e-6)
    assert_factors_close(items(other, shuffled), items(one, domains), rtol=1e-5, atol=1e-6)
    assert_factors_close(other.shared_factors, one.shared_factors, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(other.losses, one.losses, rtol=1e-6, atol=1e-9)


def test_the_names_of_domains_and_their_order_do_not_matter(rng: np.random.Generator) -> None:
    domains = random_domains(rng, weighted=True)
    backwards = {f"x{9 - i}": domains[name] for i, name in enumerate(domains)}
    one, other = train(domains), train(backwards)
    assert_factors_close(other.shared_factors, one.shared_factors, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("schedule", ["consensus", "paper"])
def test_the_start_of_a_domain_does_not_depend_on_the_others(
    rng: np.random.Generator, schedule: str
) -> None:
    domains = random_domains(rng)
    # A vanishing step away from the start: rho holds users where they began.
    model = replace(MODEL, max_iter=1, schedule=schedule, rho=0.0)
    together = users(train(domains, model), domains)
    for name, frame in domains.items():
        alone = {name: frame}
        mine = {key: row for key, row in together.items() if key[0] == name}
        assert_factors_close(users(train(alone, model), alone), mine, rtol=0, atol=0)


def test_a_weight_counts_like_more_of_the_same() -> None:
    """A weight of 2 is the same as two equal interactions that are added up."""
    once = pd.DataFrame({"user_id": ["u", "u", "v"], "item_id": ["a", "b", "b"], "weight": 1.0})
    twice = pd.concat([once, once.iloc[:1]])
    heavy = once.assign(weight=[2.0, 1.0, 1.0])
    assert_factors_close(
        users(train({"d": twice}), {"d": twice}),
        users(train({"d": heavy}), {"d": heavy}),
        rtol=0,
        atol=0,
    )


def test_one_user_and_one_item_by_hand() -> None:
    """Rank 1, x and y scalars: both half-steps can be written down."""
    frame = pd.DataFrame({"user_id": ["u"], "item_id": ["i"], "weight": [1.0]})
    model = ModelConfig(rank=1, max_iter=1, reg_param=0.5, unobserved_weight=0.25)
    start = Reference({"d": frame}, rank=1, max_iter=1, reg_param=0.5, a0=0.25)
    result = train({"d": frame}, model)
    x = float(result.user_factors["d"][0, 0])
    y = float(result.item_factors["d"][0, 0])
    assert y == pytest.approx(x / (0.25 * x**2 + x**2 + 0.5), rel=1e-5)
    assert x == pytest.approx(float(start.users["d", "u"][0]), rel=1e-5)


def test_ids_that_are_out_of_order_keep_their_rows(rng: np.random.Generator) -> None:
    data = to_local(random_domains(rng))
    shared = train_local(data, MODEL).shared_factors
    flipped = {
        name: LocalDomain(one.user_ids[::-1], one.item_ids, one.interactions[::-1], one.config)
        for name, one in data.items()
    }
    assert_factors_close(train_local(flipped, MODEL).shared_factors, shared, rtol=1e-5, atol=1e-6)
