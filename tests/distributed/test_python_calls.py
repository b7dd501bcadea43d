"""Calls in Python: what they take, and that whatever is wrong is an error of the package."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from cdimf_spark import CDIMF, CDIMFModel, prepare, tune
from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.demonstration import demonstrate
from cdimf_spark.distributed.failures import clear_errors
from cdimf_spark.distributed.input import given as given_data
from cdimf_spark.distributed.recommendation.requests import read_ids
from cdimf_spark.errors import CDIMFError, ConfigurationError, DataError
from cdimf_spark.input_errors import BadRowsError
from tests.support.helpers import Domains

COLUMNS = ["user_id", "item_id", "weight"]
SMALL: dict[str, Any] = {"rank": 2, "max_iter": 1, "num_blocks": 1}


Call = Callable[[dict[str, Any]], object]
# Calls with something wrong, and a word of the message. `at` has a model, a good frame, a name of
# a domain, an estimator.
FIT: dict[str, tuple[Call, str]] = {
    "a list": (lambda at: at["cdimf"].fit([at["frame"]]), "of type list"),
    "nothing": (lambda at: at["cdimf"].fit(None), "this is None"),
    "no domain": (lambda at: at["cdimf"].fit({}), "no domain"),
    "a text": (lambda at: at["cdimf"].fit("data.csv"), "of type str"),
    "a number": (lambda at: at["cdimf"].fit({"sport": 5}), "domain 'sport' is of type int"),
    "no path": (lambda at: at["cdimf"].fit({"sport": "no/such.csv"}), "no such file"),
    "no column": (lambda at: at["cdimf"].fit(pd.DataFrame({"a": ["1"]})), "are present: a"),
    "bad name": (lambda at: at["cdimf"].fit({5: at["frame"]}), "domain name 5"),
    "option": (
        lambda at: at["cdimf"].fit({"sport": at["frame"]}, {"sport": {"regparam": 3}}),
        "reg_param",
    ),
    "format": (
        lambda at: at["cdimf"].fit({"sport": at["frame"]}, {"sport": {"format": "csv"}}),
        "is not read",
    ),
    "resume": (lambda at: at["cdimf"].fit({"sport": at["frame"]}, resume="yes"), "'resume'"),
    "verbose": (lambda at: at["cdimf"].fit({"sport": at["frame"]}, verbose=2), "'verbose'"),
    "warm start": (lambda at: at["cdimf"].fit({"sport": at["frame"]}, warm_start=7), "warm_start"),
    "mixed ids": (
        lambda at: at["cdimf"].fit({"s": pd.DataFrame({"user_id": [1, "b"], "item_id": "i"})}),
        "a frame of pandas cannot be read",
    ),
}
ASK: dict[str, tuple[Call, str]] = {
    "no user": (lambda at: at["model"].recommend(at["name"], users=["u1", None]), "has None"),
    "one number": (lambda at: at["model"].recommend(at["name"], users=5), "a list of ids, .5."),
    "half a user": (lambda at: at["model"].recommend(at["name"], users=[1.5]), "has 1.5"),
    "a flag": (lambda at: at["model"].recommend(at["name"], users=[True]), "has True"),
    "a mapping": (lambda at: at["model"].recommend(at["name"], users={"u": 1}), "a list of ids"),
    "misspelt": (lambda at: at["model"].recommend(at["name"][:-1]), "did you mean"),
    "no name": (lambda at: at["model"].recommend(None), "'domain' is None"),
    "k of 0": (lambda at: at["model"].recommend(at["name"], k=0), "'k' is 0"),
    "k a text": (lambda at: at["model"].recommend(at["name"], k="10"), "'k' is '10'"),
    "seen": (lambda at: at["model"].recommend(at["name"], keep_seen=1), "'keep_seen'"),
    "allow": (lambda at: at["model"].recommend(at["name"], allow=7), "list of items"),
    "pairs": (
        lambda at: at["model"].recommend(at["name"], deny_pairs=[("a", "b")]),
        "denied pairs",
    ),
    "items": (lambda at: at["model"].similar_items(at["name"], None), "list of items"),
    "of items": (lambda at: at["model"].users_for_items(at["name"], ["i1"], k=None), "'k' is None"),
    "alike": (lambda at: at["model"].similar_users(at["name"], 3.5), "list of users"),
    "users of": (lambda at: at["model"].users_of(["books"]), "'domain'"),
    "tests": (lambda at: at["model"].evaluate(None), "this is None"),
    "list of tests": (lambda at: at["model"].evaluate([at["frame"]]), "of type list"),
    "test path": (lambda at: at["model"].evaluate({at["name"]: "no/such"}), "no such file"),
    "foreign": (lambda at: at["model"].evaluate({"sport": at["frame"]}), "no domain 'sport'"),
    "by": (lambda at: at["model"].evaluate({at["name"]: at["frame"]}, by=5), "'by' is 5"),
    "negatives": (lambda at: at["model"].evaluate({at["name"]: at["frame"]}, negatives="9"), "'9'"),
    "seed": (lambda at: at["model"].evaluate({at["name"]: at["frame"]}, seed="x"), "'seed'"),
    "baselines": (
        lambda at: at["model"].compare({at["name"]: at["frame"]}, baselines=[None]),
        "'baselines'",
    ),
    "fold in": (lambda at: at["model"].fold_in(at["name"], None), "interactions.*None"),
    "side": (lambda at: at["model"].fold_in(at["name"], at["frame"], side="usr"), "side is 'usr'"),
    "complete": (
        lambda at: at["model"].fold_in(at["name"], at["frame"], complete="no"),
        "'complete'",
    ),
    "explain": (lambda at: at["model"].explain(at["name"], [1]), "the pairs.*of type list"),
    "count": (lambda at: at["model"].explain(at["name"], at["frame"], count="3"), "'count'"),
    "export": (lambda at: at["model"].export(None), "'path' is None"),
    "domains": (lambda at: at["model"].export("x", domains="books"), "'domains'"),
    "format of an index": (
        lambda at: at["model"].export_index("x", format="csv"),
        "'format' is 'csv'",
    ),
    "load": (lambda at: CDIMFModel.load(5), "'path' is 5"),  # type: ignore[arg-type]
    "session": (lambda at: CDIMFModel.load("x", "spark"), "'spark'"),  # type: ignore[arg-type]
    "baseline": (lambda at: at["model"].baseline("seperate"), "did you mean 'separate'"),
    "no baseline": (lambda at: at["model"].baseline(5), "'name'"),
}
MAKE: dict[str, tuple[Call, str]] = {
    "tune a list": (lambda at: tune([1], output="x"), "of type list"),
    "tune into 5": (lambda at: tune({"s": at["frame"]}, output=5), "'output'"),  # type: ignore[arg-type]
    "tune none": (lambda at: tune({}, output="x"), "no domain"),
    "tune search": (
        lambda at: tune({"s": at["frame"]}, output="x", search=5),  # type: ignore[arg-type]
        "'search'",
    ),
    "tune options": (
        lambda at: tune({"s": at["frame"]}, output="x", options=[5]),  # type: ignore[arg-type]
        "'options'",
    ),
    "tune domains": (
        lambda at: tune({"s": at["frame"]}, output="x", domain_options={"s": {"rhoo": 1}}),
        "did you mean 's.rho'",
    ),
    "tune on others": (
        lambda at: tune({"s": at["frame"]}, {"t": at["frame"]}, output="x"),
        "'t' in validation",
    ),
    "prepare nothing": (lambda at: prepare(None), "this is None"),
    "prepare none": (lambda at: prepare({}), "no domain"),
    "prepare options": (
        lambda at: prepare({"s": at["frame"]}, domain_options={"s": {"minrating": 1}}),
        "did you mean 's.min_rating'",
    ),
    "prepare links": (
        lambda at: prepare({"s": at["frame"]}, links=5),
        "links.*of type int",
    ),
}


@pytest.fixture(scope="module")
def at(model: CDIMFModel, domains: Domains, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name = model.domains[0]
    return {
        "model": model,
        "name": name,
        "frame": domains[name][COLUMNS],
        "cdimf": CDIMF(tmp_path_factory.mktemp("fit") / "model", **SMALL),
    }


def test_what_is_wrong_is_an_error_of_the_package(at: dict[str, Any]) -> None:
    for what, (call, words) in (FIT | ASK | MAKE).items():
        with pytest.raises(CDIMFError) as raised:
            call(at)
        assert re.search(words, str(raised.value)), (what, str(raised.value))


def test_ids_of_pandas_and_arrow(spark: SparkSession) -> None:
    """What every call that takes ids makes of them."""
    users = ["u1", "u2"]
    for given in (
        users,
        pd.Series(users),
        pa.array(users),
        pd.DataFrame({"user_id": users}),
        pa.table({"user_id": users}),
    ):
        found = read_ids(spark, given, "user_id", "users").orderBy("user_id").collect()
        assert [tuple(row) for row in found] == [("u1",), ("u2",)]


def damage(path: Path, how: str) -> None:
    """Damage one of a table's files, as a disk or a careless hand would."""
    for file in sorted(path.rglob("part-*.parquet")):
        if how == "missing":
            file.unlink()
        elif how == "truncated":
            file.write_bytes(file.read_bytes()[:20])


@pytest.mark.parametrize(("table", "how"), [("factors", "truncated"), ("blocks", "missing")])
def test_a_damaged_model_is_one_clear_error(
    spark: SparkSession, model: CDIMFModel, domains: Domains, tmp_path: Path, table: str, how: str
) -> None:
    """Calls raised Py4JJavaError, the later the lazier the frame."""
    copy = tmp_path / "model"
    shutil.copytree(model.path, copy)
    damage(copy / table, how)
    name = model.domains[0]
    with pytest.raises(DataError, match=str(tmp_path)) as raised:
        CDIMFModel.load(copy).evaluate({name: domains[name][COLUMNS]}, negatives="all")
    assert "Py4J" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_error_of_a_worker_keeps_its_class() -> None:
    for kind in (BadRowsError, DataError):
        name = f"{kind.__module__}.{kind.__name__}"
        with pytest.raises(DataError, match=r"^bad$"), clear_errors():
            raise RuntimeError(f"Traceback\n  File x\n{name}: bad\n\n\tat org")
    with pytest.raises(ZeroDivisionError), clear_errors():
        raise ZeroDivisionError


def test_columns_that_spark_has_not_are_made_plain() -> None:
    table = pa.table(
        {"a": pa.array(["x", "y"]).dictionary_encode(), "b": pa.array([1, 2], pa.uint32())}
    )
    plain = given_data._plain_columns(table)
    assert plain.schema.types == [pa.string(), pa.int64()]
    assert plain.to_pydict() == {"a": ["x", "y"], "b": [1, 2]}


def test_a_session_without_a_model(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        CDIMFModel.load("")
    with pytest.raises(DataError, match="no published model"):
        CDIMFModel.load(tmp_path / "x")


def test_the_demonstration_replaces_no_model_of_other_data(
    spark: SparkSession, model: CDIMFModel
) -> None:
    config = TrainConfig(output=model.path)
    with pytest.raises(ConfigurationError, match=r"has a model of other data.*books"):
        demonstrate(spark, config)
