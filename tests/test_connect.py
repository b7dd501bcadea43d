"""The package on a real Spark Connect server: the same model as on one machine, and all it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.connect_client import DOMAIN, ITEM, OPTIONS
from tests.support.connect_server import connect_server, run_client
from tests.support.helpers import Domains, assert_factors_close
from tests.support.served_model import training_cells
from tests.support.training_in_memory import CLOSE, some_domains, train_on_one_machine

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.fixture(scope="module")
def domains() -> Domains:
    return some_domains(seed=6, n_users=40, names=("books", "films"))


@pytest.fixture(scope="module")
def output(domains: Domains, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model, export and results that a client left."""
    source, target, scratch = (tmp_path_factory.mktemp(name) for name in ("in", "out", "server"))
    for name, frame in domains.items():
        frame.to_parquet(source / f"{name}.parquet")
    with connect_server(scratch) as address:
        run_client("tests.support.connect_client", address, str(source), str(target))
    return target


@pytest.fixture(scope="module")
def served(output: Path) -> ServingModel:
    return ServingModel.open(output / "export")


@pytest.fixture(scope="module")
def results(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "results.json").read_text())
    return found


def test_the_model_is_that_of_one_machine(served: ServingModel, domains: Domains) -> None:
    expected, _ = train_on_one_machine(domains, ModelConfig(**OPTIONS))
    found = {
        (name, table.id_of(n)): table.factors[n]
        for name in served.domains
        for table in [served.domain(name).items]
        for n in range(len(table))
    }
    assert_factors_close(found, expected["item"], **CLOSE)


def test_recommendations_are_those_of_the_export(
    served: ServingModel, domains: Domains, results: dict[str, Any]
) -> None:
    cells = training_cells(domains[DOMAIN], "user_id", "item_id")
    found: dict[str, list[tuple[int, str]]] = {}
    for row in results["recommend"]:
        found.setdefault(row["user_id"], []).append((row["rank"], row["item_id"]))
    assert set(found) == set(cells)
    for user, ranked in found.items():
        best = served.recommend(DOMAIN, user, k=3, exclude=list(cells[user]))
        assert [item for _, item in sorted(ranked)] == [one.item_id for one in best]


def test_similar_items_are_listed(results: dict[str, Any]) -> None:
    found = sorted((row["rank"], row["similar_id"]) for row in results["similar_items"])
    assert [rank for rank, _ in found] == [1, 2, 3]
    assert ITEM not in {item for _, item in found}


def test_folded_rows_are_those_of_the_export(
    served: ServingModel, domains: Domains, results: dict[str, Any]
) -> None:
    cells = training_cells(domains[DOMAIN], "user_id", "item_id")
    expected = {user: served.fold_in(DOMAIN, cells[user], user).factors for user in cells}
    found = {row["user_id"]: row["factors"] for row in results["fold_in"]}
    assert_factors_close(found, expected, **CLOSE)


def test_explanations_add_up(results: dict[str, Any]) -> None:
    assert results["explain"]
    for row in results["explain"]:
        parts = sum(row[part] for part in ("own", "consensus", "prior", "remainder"))
        assert row["score"] == pytest.approx(parts)


def test_evaluation_and_comparison_measure_the_same_model(
    domains: Domains, results: dict[str, Any]
) -> None:
    for name, frame in domains.items():
        evaluated, compared = results["evaluate"], results["compare"]["domains"][name]
        assert evaluated["domains"][name]["n_test"] == compared["n_test"] == len(frame)
        for measure in ("ndcg", "hr"):
            expected = evaluated["measures"][name]["at"]["5"][measure]
            assert compared["models"]["cdimf"]["at"]["5"][measure] == expected
        assert set(compared["differences"]) == {"popularity"}
