"""What theory says of small trainings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.dense_reference import Reference
from tests.support.helpers import assert_factors_close, random_domains, to_local
from tests.support.small_trainings import MODEL, PAPER, REFERENCE, train, users


@pytest.mark.parametrize("options", [{}, PAPER], ids=["consensus", "paper"])
def test_without_rho_domains_are_separate(
    rng: np.random.Generator, options: dict[str, Any]
) -> None:
    domains = random_domains(rng)
    model = replace(MODEL, rho=0.0, **options)
    together = train(domains, model)
    assert together.shared_factors == {}
    for name, frame in domains.items():
        alone = train({name: frame}, model)
        np.testing.assert_array_equal(together.user_factors[name], alone.user_factors[name])
        np.testing.assert_array_equal(together.item_factors[name], alone.item_factors[name])


def test_domains_without_common_users_are_separate(rng: np.random.Generator) -> None:
    domains = random_domains(rng, names=("a", "b"))
    for name, frame in domains.items():
        frame["user_id"] = name + frame["user_id"]
    together = train(domains)
    assert together.shared_factors == {}
    for name, frame in domains.items():
        alone = train({name: frame})
        np.testing.assert_array_equal(together.user_factors[name], alone.user_factors[name])
        np.testing.assert_array_equal(together.item_factors[name], alone.item_factors[name])


def test_one_domain_is_plain_alternating_least_squares(rng: np.random.Generator) -> None:
    frame = random_domains(rng, names=("a",), weighted=True)["a"]
    model = train({"a": frame}, replace(MODEL, schedule="paper"))
    data = to_local({"a": frame})["a"]
    w = data.interactions.toarray()
    n_users, n_items = w.shape
    a0 = 12 * (w > 0).sum() / (n_users * n_items)
    ridge = 2 * ((w > 0).sum(0) / (w > 0).sum(0).mean()) ** 0.5

    x = model.user_factors["a"].astype(float)
    for i in range(n_items):
        lhs = a0 * x.T @ x + x.T @ np.diag(w[:, i]) @ x + ridge[i] * np.eye(6)
        expected = np.linalg.solve(lhs, x.T @ w[:, i])
        np.testing.assert_allclose(model.item_factors["a"][i], expected, rtol=1e-5, atol=1e-5)
    # Both schedules alternate the same two exact half-steps, only from different starts.
    more = replace(MODEL, max_iter=300)
    models = [train({"a": frame}, replace(more, schedule=name)) for name in ("consensus", "paper")]
    one, other = (m.user_factors["a"] @ m.item_factors["a"].T for m in models)
    np.testing.assert_allclose(one, other, atol=2e-2)


@pytest.mark.parametrize("schedule", ["consensus", "paper"])
def test_the_loss_of_one_domain_never_rises(rng: np.random.Generator, schedule: str) -> None:
    domains = random_domains(rng, names=("a",), weighted=True)
    # A start of this size shows whether the first items count.
    model = replace(MODEL, schedule=schedule, max_iter=15, init_scale=30.0)
    losses = train(domains, model).losses
    totals = losses.sum(axis=1)
    assert np.all(losses[:, 3] == 0)
    assert np.all(np.diff(totals) <= 1e-6 * totals[:-1])


def test_the_recorded_loss_is_the_minimum_over_the_users(rng: np.random.Generator) -> None:
    """With the items and the pull as they were, no step of the users leads below it."""
    domains = random_domains(rng, weighted=True)
    recorded = train(domains).losses[-1].sum()
    after, before = (
        Reference(domains, **REFERENCE),
        Reference(domains, **REFERENCE | {"max_iter": 3}),
    )
    for name, shop in after.shops.items():
        # The last users were solved from the items of the iteration before.
        shop.y = before.shops[name].y
    parts = [shop.loss_parts() for shop in after.shops.values()]
    np.testing.assert_allclose(recorded, np.sum(parts), rtol=1e-5)
    for shop in after.shops.values():
        shop.x = shop.x + 1e-2 * rng.normal(size=shop.x.shape)
    assert sum(shop.loss_parts().sum() for shop in after.shops.values()) > recorded


def test_a_huge_rho_pins_x_to_z(rng: np.random.Generator) -> None:
    domains = random_domains(rng)
    # Between two aggregations the rows of shared users are x, while u = 0 is still that of the
    # start: the pull is to z itself.
    model = train(domains, replace(MODEL, rho=1e8, max_iter=1, aggregation_period=2))
    x = {user: row for (_, user), row in users(model, domains).items()}
    pinned = {user: x[user] for user in model.shared_factors}
    assert_factors_close(pinned, model.shared_factors, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("over_relaxation", [1.0, 1.6])
def test_equal_domains_agree_on_the_solution_of_one(
    rng: np.random.Generator, over_relaxation: float
) -> None:
    frame = random_domains(rng, names=("a",), n_users=25, n_items=12)["a"]
    model = replace(MODEL, over_relaxation=over_relaxation, max_iter=400)
    twins = train({"a": frame, "b": frame}, model)
    single = train({"a": frame}, model)
    np.testing.assert_array_equal(twins.item_factors["a"], twins.item_factors["b"])
    one, other = (m.user_factors["a"] @ m.item_factors["a"].T for m in (twins, single))
    np.testing.assert_allclose(one, other, atol=1e-3)
    # No penalty of the coupling is left: x = z and u = 0.
    np.testing.assert_allclose(twins.losses[-1, 3], 0, atol=1e-4)


def test_equal_domains_with_hardly_a_pull_go_the_way_of_one(rng: np.random.Generator) -> None:
    frame = random_domains(rng, names=("a",))["a"]
    model = replace(MODEL, rho=1e-7, over_relaxation=1.0)
    twins, single = train({"a": frame, "b": frame}, model), train({"a": frame}, model)
    rows = dict(zip(to_local({"a": frame})["a"].user_ids, single.user_factors["a"], strict=True))
    assert_factors_close(twins.shared_factors, rows, rtol=1e-5, atol=1e-5)
