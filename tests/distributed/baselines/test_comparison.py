"""A comparison has each model's own measures, and differences user by user."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.cli.commands import compare as job
from cdimf_spark.distributed.baselines.comparison import check_baselines
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.reports.comparison_plot import check_plot, plot_comparison
from cdimf_spark.reports.comparison_report import comparison_tables, verdict
from cdimf_spark.reports.results import Comparison
from tests.support.plain_measures import ranks_of_users, values_of
from tests.support.planted import Planted, random_model, tests_frame
from tests.support.planted_tables import write_model

PLANTED, TESTS = random_model(np.random.default_rng(21))
PLANTED = PLANTED.trained_items()
POPULAR = Planted(
    {d: {u: [1.0] for u in PLANTED.users[d]} for d in PLANTED.domains},
    {d: {i: [float(PLANTED.count(d, i))] for i in PLANTED.items[d]} for d in PLANTED.domains},
    PLANTED.train,
    {u: [1.0] for u in PLANTED.shared},
)


@pytest.fixture(scope="module")
def model(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> CDIMFModel:
    path = str(tmp_path_factory.mktemp("models") / "shops")
    write_model(spark, PLANTED, path)
    return CDIMFModel.load(path)


@pytest.fixture(scope="module")
def found(spark: SparkSession, model: CDIMFModel) -> Comparison:
    return model.compare(tests_frame(spark, TESTS), (3, 1), "all", 7)


@pytest.mark.slow
def test_each_model_has_its_own_measures(
    spark: SparkSession, model: CDIMFModel, found: dict[str, Any]
) -> None:
    assert (found["k"], found["negatives"], found["seed"]) == (3, "all", 7)
    by = ("shared", "history", "popularity", "source")
    for name, scorer in {"cdimf": model, "popularity": model.baseline("popularity")}.items():
        alone = scorer.evaluate(tests_frame(spark, TESTS), (3, 1), "all", 7, by)["measures"]
        for domain in TESTS:
            assert found["domains"][domain]["models"][name] == alone[domain]


@pytest.mark.slow
def test_differences_are_those_of_the_same_users(found: dict[str, Any]) -> None:
    for domain, tests in TESTS.items():
        measures = found["domains"][domain]["differences"]["popularity"]
        ours, theirs = (
            ranks_of_users(planted, domain, tests, "all", 7) for planted in (PLANTED, POPULAR)
        )
        groups = [("all", "", measures)]
        groups += [(b, g, one) for b, some in measures["by"].items() for g, one in some.items()]
        for by, group, one in groups:
            users = ours[by][group]
            for metric in ("hr", "ndcg", "map", "recall"):
                differences = [
                    values_of(users[user], 3)[metric]
                    - values_of(theirs[by][group][user], 3)[metric]
                    for user in users
                ]
                mean = one["at"]["3"][metric]
                assert one["n_users"] == len(differences)
                assert mean["mean"] == pytest.approx(fmean(differences), abs=1e-12)
                if len(differences) > 1:
                    half = 1.959963984540054 * stdev(differences) / math.sqrt(len(differences))
                    assert mean["high"] - mean["mean"] == pytest.approx(half, abs=1e-7)


@pytest.mark.slow
def test_separate_als_and_texts_and_picture(found: dict[str, Any], tmp_path: Path) -> None:
    for one in found["domains"].values():
        models = one["models"]
        at = one["differences"]["separate"]["at"]["1"]["ndcg"]["mean"]
        means = [models[name]["at"]["1"]["ndcg"]["mean"] for name in ("cdimf", "separate")]
        assert at == pytest.approx(means[0] - means[1], abs=1e-12)
        assert models["cdimf"]["n_test"] == one["n_test"]
    text = comparison_tables(found)
    assert "sport: cdimf - separate" in text
    assert "history: 1-4" in text
    plot_comparison(found, str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_verdicts() -> None:
    assert verdict({"low": 0.1, "high": 0.2}) == "better"
    assert verdict({"low": -0.2, "high": -0.1}) == "worse"
    assert verdict({"low": -0.2, "high": 0.1}) == "open"
    assert verdict({"low": None, "high": None}) == "open"


def test_errors_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'popularity'"):
        check_baselines(["poplarity"])
    assert check_baselines("pooled, separate") == ("pooled", "separate")
    with pytest.raises(ConfigurationError, match="some of popularity"):
        check_baselines([])
    with pytest.raises(ConfigurationError, match="must end in one of"):
        check_plot("a.gif")
    given = ["--model", "m", "--test", "sport=x"]
    for wrong in (["--json", f"{tmp_path}/no/x.json"], ["--plot", f"{tmp_path}/no/x.png"]):
        with pytest.raises(ConfigurationError, match="there is no folder"):
            job.main([*given, *wrong])
