"""Folded rows solve the equation of the training, written down once more."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.exports import Shops

ITEMS = st.dictionaries(st.integers(0, 39), st.floats(0.125, 50.0, width=32), min_size=1)


def close(actual: np.ndarray, exact: np.ndarray) -> None:
    assert actual.dtype == np.float32
    assert np.linalg.norm(actual - exact) <= 1e-5 * np.linalg.norm(exact)


@given(chosen=ITEMS)
def test_new_user(shops: Shops, served: ServingModel, chosen: dict[int, float]) -> None:
    cells = {f"sä{n}": weight for n, weight in chosen.items()}
    row = served.fold_in("sport", cells)
    close(row.factors, shops.shops["sport"].solve("users", cells))
    assert (row.pull, row.n_interactions, row.unknown) == ("none", len(cells), ())


@given(chosen=ITEMS)
def test_shared_user_is_pulled_as_in_training(
    shops: Shops, served: ServingModel, chosen: dict[int, float]
) -> None:
    shop, cells = shops.shops["sport"], {f"sä{n}": weight for n, weight in chosen.items()}
    row = served.fold_in("sport", cells, user_id="u20")
    z = shops.shared["u20"].astype(float)
    dual = shop.exchanged["u20"].astype(float) - z
    close(row.factors, shop.solve("users", cells, shop.rules.rho, z - dual))
    assert row.pull == "shared"


def test_user_whom_another_domain_knows(shops: Shops, served: ServingModel) -> None:
    shop, cells = shops.shops["cloth"], {"cä1": 1.0, "cä7": 3.0}
    row = served.fold_in("cloth", cells, user_id="u3")
    # Books knows them as well, but in a space of its own.
    target = shops.shops["sport"].users["u3"]
    close(row.factors, shop.solve("users", cells, shop.rules.rho, target))
    assert row.pull == "foreign"


@pytest.mark.parametrize(
    ("domain", "user", "pull"),
    [
        ("sport", "u3", True),  # in this domain only
        ("sport", "u20", False),  # shared, but not wanted
        ("books", "u20", True),  # a domain without consensus
        ("sport", "nobody", True),
    ],
)
def test_users_without_a_pull(
    shops: Shops, served: ServingModel, domain: str, user: str, pull: bool
) -> None:
    cells = {f"{domain[0]}ä{n}": 1.0 for n in (3, 4, 5)}
    row = served.fold_in(domain, list(cells), user_id=user, pull=pull)
    close(row.factors, shops.shops[domain].solve("users", cells))
    assert row.pull == "none"


@given(chosen=st.dictionaries(st.integers(0, 29), st.floats(0.125, 50.0, width=32), min_size=1))
def test_new_item_from_weighted_users(
    shops: Shops, served: ServingModel, chosen: dict[int, float]
) -> None:
    cells = {f"u{n}": weight for n, weight in chosen.items()}
    row = served.fold_in_item("sport", cells)
    close(row.factors, shops.shops["sport"].solve("items", cells))


def test_what_is_left_out_is_told(shops: Shops, served: ServingModel) -> None:
    cells = {"sä1": 1.0, "sä2": 0.0, "gone": 2.0, "cä1": 1.0}
    row = served.fold_in("sport", cells)
    close(row.factors, shops.shops["sport"].solve("users", {"sä1": 1.0}))
    assert (row.n_interactions, row.unknown) == (1, ("gone", "cä1"))


@pytest.mark.parametrize(
    ("interactions", "words"),
    [
        ({}, "no interaction of a weight above 0: give at least one item"),
        ([], "no interaction"),
        ({"sä1": 0.0}, "no interaction"),
        ({"x": 1.0, "y": 1.0}, "none of the 2 item ids, the first is 'x'"),
        ({"sä1": -1.0}, "item 'sä1': weight -1.0 is not a finite number, 0 or more"),
        ({"sä1": math.nan}, "weight nan"),
        ({"sä1": math.inf}, "weight inf"),
        ({"sä1": "2"}, "weight '2'"),
        ({"sä1": True}, "weight True"),
        ({7: 1.0}, "item id 7 is not a text"),
        ("sä1", "not a text"),
    ],
)
def test_errors(served: ServingModel, interactions: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        served.fold_in("sport", interactions)  # type: ignore[arg-type]


def test_errors_of_items_and_domains(served: ServingModel) -> None:
    with pytest.raises(DataError, match="none of the 1 user ids"):
        served.fold_in_item("sport", {"nobody": 1.0})
    with pytest.raises(ConfigurationError, match="no domain 'sprot': did you mean 'sport'"):
        served.fold_in("sprot", {"sä1": 1.0})


@pytest.mark.parametrize("user", ["u3", "u20", "u40", "nobody"])
def test_users_are_drawn_to_the_mean_row(shops: Shops, served: ServingModel, user: str) -> None:
    """Cloth has a prior: the rows differ by far more than a solver's error."""
    shop, cells = shops.shops["cloth"], {"cä1": 0.25}
    row = served.fold_in("cloth", cells, user_id=user, pull=False).factors
    close(row, shop.solve("users", cells))
    without = replace(shop, rules=replace(shop.rules, user_prior=0.0)).solve("users", cells)
    assert np.linalg.norm(row - without) > 1e-3 * np.linalg.norm(without)
