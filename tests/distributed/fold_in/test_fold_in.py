"""Many rows folded in on Spark: the rows of one-by-one serving, which solves the dense equation."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.input_errors import BadRowsError, EmptyInputError
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.fold_in_users import NAME, PULLS, people
from tests.support.helpers import Domains, assert_factors_close
from tests.support.served_model import training_cells


def new_cells(domains: Domains) -> pd.DataFrame:
    """Three new interactions of each, some of which the training has; some of unknown items."""
    items = sorted(set(domains[NAME]["item_id"]))[:3]
    rows = [(u, i, 1.5 + n) for u in people(domains).values() for n, i in enumerate(items)]
    rows += [(people(domains)["own"], "gone", 1.0), ("lost", "gone", 1.0), ("lost", items[0], 0.0)]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "weight"])


@pytest.mark.parametrize("complete", [False, True])
def test_users(
    spark: SparkSession, model: CDIMFModel, served: ServingModel, domains: Domains,
    complete: bool, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    given = new_cells(domains)
    with caplog.at_level(logging.INFO):
        found = model.fold_in(NAME, spark.createDataFrame(given), complete=complete).toPandas()
    assert "folding in 5 users" in caplog.text
    assert "2 interactions with items that domain 'books' does not have" in caplog.text
    assert "1 user had no other and no row" in caplog.text
    both = given if complete else pd.concat([domains[NAME], given])
    cells = training_cells(both, "user_id", "item_id")
    expected = {
        user: served.fold_in(NAME, cells[user], user_id=user) for user in people(domains).values()
    }
    assert_factors_close(
        found[["user_id", "factors"]], {user: row.factors for user, row in expected.items()}
    )
    pulls = {people(domains)[kind]: PULLS.get(kind, "none") for kind in people(domains)}
    assert dict(zip(found["user_id"], found["pull"], strict=True)) == pulls
    assert {user: row.pull for user, row in expected.items()} == pulls
    assert dict(zip(found["user_id"], found["n_interactions"], strict=True)) == {
        user: row.n_interactions for user, row in expected.items()
    }


def test_items(
    spark: SparkSession, model: CDIMFModel, served: ServingModel, domains: Domains
) -> None:
    users = sorted(set(domains[NAME]["user_id"]))[:5]
    known = sorted(set(domains[NAME]["item_id"]))[0]
    rows = [(user, item, 2.0) for user in users for item in ("brand new", known)]
    given = pd.DataFrame(rows, columns=["user_id", "item_id", "weight"])
    cells = training_cells(pd.concat([domains[NAME], given]), "item_id", "user_id")
    found = model.fold_in(NAME, spark.createDataFrame(given), side="item")
    assert found.columns == ["item_id", "factors", "n_interactions"]
    expected = {
        item: served.fold_in_item(NAME, cells[item]).factors for item in ("brand new", known)
    }
    assert_factors_close(found.drop("n_interactions"), expected)


@pytest.mark.slow
def test_items_where_shared_users_weigh_more(
    spark: SparkSession, model: CDIMFModel, domains: Domains, tmp_path: Path
) -> None:
    config = replace(model.config, model=replace(model.config.model, shared_user_weight=3.0))
    published = PublishedModel(spark, model.path)
    published.config = config
    heavy = CDIMFModel(published)
    served = ServingModel.open(heavy.export(str(tmp_path / "heavy"), domains=[NAME]))
    cells = dict.fromkeys(sorted(set(domains[NAME]["user_id"])), 1.0)
    given = pd.DataFrame({"user_id": list(cells), "item_id": "brand new"})
    found = heavy.fold_in(NAME, spark.createDataFrame(given), side="item").drop("n_interactions")
    expected = served.fold_in_item(NAME, cells).factors
    assert_factors_close(found, {"brand new": expected})
    usual = model.fold_in(NAME, spark.createDataFrame(given), side="item").collect()[0].factors
    assert np.abs(np.asarray(usual) - expected).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"domain": "boks"}, ConfigurationError, "no domain 'boks': did you mean 'books'"),
        ({"side": "both"}, ConfigurationError, "side is 'both', but must be user or item"),
        ({"rows": [("u", "gone", 1.0)]}, DataError, "knows none of the items of the 1 interaction"),
        ({"rows": [("u", "i1", -1.0)]}, BadRowsError, "weight"),
        ({"rows": [("u", "i1", float("nan"))]}, BadRowsError, "weight"),
        ({"rows": [("u", "i1", 0.0)]}, EmptyInputError, "has no interactions"),
    ],
)
def test_errors(
    spark: SparkSession, model: CDIMFModel, change: dict[str, Any], error: type, words: str
) -> None:
    arguments = {"domain": NAME, "side": "user", "rows": [("u", "i1", 1.0)], **change}
    rows = spark.createDataFrame(
        arguments.pop("rows"), "user_id string, item_id string, weight double"
    )
    with pytest.raises(error, match=words):
        model.fold_in(interactions=rows, **arguments)
