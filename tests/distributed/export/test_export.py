"""An export holds the published model, and serves the same lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.serving.row_table import RowTable
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.helpers import Domains, assert_factors_close, factors_by_id
from tests.support.served_model import training_cells


def rows_of(table: RowTable) -> dict[str, np.ndarray]:
    return {table.id_of(n): table.factors[n] for n in range(len(table))}


def test_export_holds_the_published_rows(model: CDIMFModel, served: ServingModel) -> None:
    users, items = factors_by_id(model.user_factors), factors_by_id(model.item_factors)
    for side, published in (("users", users), ("items", items)):
        found = {
            (name, one): row
            for name in served.domains
            for one, row in rows_of(getattr(served.domain(name), side)).items()
        }
        assert_factors_close(found, published, rtol=0, atol=0)
    assert served.rank == model.rank
    assert served.run_id == model.run_id


def test_marks_are_popularity_and_shared_users(
    model: CDIMFModel, served: ServingModel, domains: Domains
) -> None:
    members = {name: set(frame["user_id"]) for name, frame in domains.items()}
    for name, frame in domains.items():
        tables = served.domain(name)
        counts = frame.drop_duplicates(["user_id", "item_id"])["item_id"].value_counts()
        marks = {tables.items.id_of(n): int(m) for n, m in enumerate(tables.items.marks)}
        assert marks == counts.to_dict()
        others = set().union(*(members[other] for other in members if other != name))
        shared = {tables.users.id_of(int(n)) for n in np.flatnonzero(tables.users.marks)}
        assert shared == members[name] & others == set(rows_of(tables.exchanged))


def test_consensus_is_the_mean_of_what_was_exchanged(
    model: CDIMFModel, served: ServingModel
) -> None:
    sent: dict[str, list[np.ndarray]] = {}
    for name in served.domains:
        for user, row in rows_of(served.domain(name).exchanged).items():
            sent.setdefault(user, []).append(row.astype(float))
    means = {user: np.mean(rows, axis=0) for user, rows in sent.items()}
    assert_factors_close(means, factors_by_id(model.shared_factors), rtol=1e-5, atol=1e-6)


def test_items_of_the_training_fold_in_to_themselves(
    served: ServingModel, domains: Domains
) -> None:
    """The published items are solved from the published users: the same equation, once more."""
    for name, frame in domains.items():
        published = rows_of(served.domain(name).items)
        cells = training_cells(frame, "item_id", "user_id")
        folded = {item: served.fold_in_item(name, cells[item]).factors for item in published}
        assert_factors_close(folded, published, rtol=1e-5, atol=1e-6)


def test_the_same_lists_as_the_job(
    model: CDIMFModel, served: ServingModel, domains: Domains
) -> None:
    name = next(iter(domains))
    frame = domains[name]
    elsewhere = set(domains[list(domains)[1]]["user_id"]) - set(frame["user_id"])
    users = [*sorted(set(frame["user_id"]))[:4], *sorted(elsewhere)[:2]]
    rows = model.recommend(name, users=users, k=3).collect()
    for user in users:
        seen = frame.loc[frame["user_id"] == user, "item_id"]
        expected = sorted((row for row in rows if row.user_id == user), key=lambda row: row.rank)
        found = served.recommend(name, user, k=3, exclude=set(seen))
        assert [(one.item_id, one.source) for one in found] == [
            (row.item_id, row.source) for row in expected
        ]
        np.testing.assert_allclose([f.score for f in found], [row.score for row in expected])


@pytest.mark.slow
def test_one_domain_for_itself(model: CDIMFModel, domains: Domains, tmp_path: Path) -> None:
    name = next(iter(domains))
    served = ServingModel.open(model.export(str(tmp_path / "one"), domains=[name]))
    assert served.domains == (name,)
    assert sorted(path.name for path in (tmp_path / "one" / "domains").iterdir()) == [name]
    members = set(domains[name]["user_id"])
    shared = RowTable.open(tmp_path / "one", "shared")
    assert {shared.id_of(n) for n in range(len(shared))} <= members
    with pytest.raises(ConfigurationError, match="--overwrite"):
        model.export(str(tmp_path / "one"))
    with pytest.raises(ConfigurationError, match="no domain 'x'"):
        model.export(str(tmp_path / "two"), domains=["x"])
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_tables_for_a_vector_index(
    spark: SparkSession, model: CDIMFModel, served: ServingModel, form: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "index")
    name = model.domains[0]
    model.export_index(path, domains=[name], format=form)
    items = spark.read.format(form).load(f"{path}/item_vectors")
    assert items.columns == ["domain", "item_id", "vector"]
    assert {row.domain for row in items.select("domain").distinct().collect()} == {name}
    table = served.domain(name).items
    expected = {table.id_of(n): vector for n, vector in enumerate(served.item_vectors(name))}
    assert_factors_close(items.drop("domain"), expected, rtol=1e-6, atol=1e-6)
    users = factors_by_id(spark.read.format(form).load(f"{path}/user_vectors").drop("domain"))
    rows = rows_of(served.domain(name).users)
    assert_factors_close(users, {user: [*row, 0.0] for user, row in rows.items()}, rtol=0, atol=0)
    with pytest.raises(ConfigurationError, match="index' exists: use --overwrite"):
        model.export_index(path, format=form)
    model.export_index(path, format=form, overwrite=True)
    assert spark.read.format(form).load(f"{path}/item_vectors").count() == sum(
        len(served.domain(one).items) for one in model.domains
    )
