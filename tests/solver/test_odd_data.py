"""Odd and hostile data: the factors stay finite, or one error of the package says why not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.errors import CDIMFError
from cdimf_spark.solver.local import LocalModel, train_local
from tests.support.helpers import Domains, to_local

ids = st.one_of(
    st.sampled_from(["a", "A", " a", "a,b", "a\tb", 'a"b', "a\x00b", "a\r\nb", "\ufeffa", "", "é"]),
    st.text(min_size=1, max_size=5),
    st.integers(1, 9).map(lambda n: "long" * 2500 + str(n)),
)
weights = st.one_of(st.just(1.0), st.floats(-30, 30).map(lambda power: 10.0**power))
rows = st.lists(st.tuples(ids, ids, weights), min_size=1, max_size=25)
models = st.builds(
    ModelConfig,
    rank=st.sampled_from([1, 3, 40]),
    max_iter=st.just(3),
    schedule=st.sampled_from(["consensus", "paper"]),
    init_scale=st.sampled_from([0.01, 1.0]),
    duplicates=st.just("sum"),
)


def frame(cells: list[tuple[str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["user_id", "item_id", "weight"])


def block(users: int, items: int, weight: float = 1.0, prefix: str = "u") -> pd.DataFrame:
    return frame([(f"{prefix}{u}", f"i{i}", weight) for u in range(users) for i in range(items)])


def assert_finite(model: LocalModel) -> None:
    factors = [*model.user_factors.values(), *model.item_factors.values()]
    for rows in [*factors, *(row[None] for row in model.shared_factors.values())]:
        assert np.isfinite(rows).all()
    assert np.isfinite(model.losses).all()


@settings(max_examples=150)
@given(st.lists(rows, min_size=1, max_size=4), models)
def test_any_data_give_finite_factors_or_an_error_of_the_package(
    domains: list[list[tuple[str, str, float]]], model: ModelConfig
) -> None:
    named = {f"d{n}": frame(cells) for n, cells in enumerate(domains)}
    try:
        trained = train_local(to_local(named), model)
    except CDIMFError:
        return
    assert_finite(trained)


SHAPES: dict[str, Domains] = {
    "one user has every item": {"a": block(1, 50), "b": block(30, 2)},
    "one item has every user": {"a": block(50, 1), "b": block(30, 2)},
    "a domain of one interaction": {"a": block(1, 1), "b": block(20, 5)},
    "no user is shared": {"a": block(9, 4), "b": block(9, 4, prefix="v")},
    "fifty domains": {f"d{n}": block(4, 3, prefix=f"u{n % 7}") for n in range(50)},
    "identical rows": {"a": frame([("u", "i", 1.0)] * 40), "b": block(3, 3)},
    "smallest weights": {"a": block(6, 5, 1e-30), "b": block(6, 5, 1e-30)},
    "largest weights": {"a": block(6, 5, 1e30), "b": block(6, 5, 1e30)},
    "smallest beside largest": {"a": block(6, 5, 1e-30), "b": block(6, 5, 1e30)},
}


@pytest.mark.parametrize("schedule", ["consensus", "paper"])
@pytest.mark.parametrize("shape", SHAPES)
def test_extreme_shapes_give_finite_factors(shape: str, schedule: str) -> None:
    model = ModelConfig(rank=8, max_iter=4, schedule=schedule)
    assert_finite(train_local(to_local(SHAPES[shape]), model))
