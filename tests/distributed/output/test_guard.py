"""No command deletes or writes into what it did not make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands import explain, export, fold_in, recommend, train
from cdimf_spark.cli.commands import prepare as prepare_job
from cdimf_spark.cli.commands import tune as tune_job
from cdimf_spark.distributed.estimator import CDIMF
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.output import guard
from cdimf_spark.distributed.output.guard import check_target
from cdimf_spark.distributed.preparation.prepared import prepare
from cdimf_spark.distributed.tuning.tune import tune
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind
from tests.support.folders import snapshot
from tests.support.shop_folders import Shop, make_shop

DELTA = Order(Kind.RECOMMENDATIONS, "delta")
DELTA_AGAIN = Order(Kind.RECOMMENDATIONS, "delta", overwrite=True)


@pytest.fixture(scope="module")
def shop(model: CDIMFModel, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make_shop(tmp_path_factory.mktemp("shop"), model.path, model.domains[0])


@pytest.fixture(autouse=True)
def _session_of_the_jobs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run in the session of the tests."""
    if "spark" in request.fixturenames:
        session = request.getfixturevalue("spark")
        for job in (explain, export, fold_in, prepare_job, recommend, train, tune_job):
            monkeypatch.setattr(job, "job_session", lambda *_, **__: session)


def commands(shop: Shop, output: str) -> Iterator[tuple[ModuleType, list[str]]]:
    """Every job that writes, in every format that it has, told to overwrite where it can be."""
    model = ["--model", str(shop.model)]
    of_domain = [*model, "--domain", shop.domain]
    out, data = ["--output", output], str(shop.data)
    for form in ("delta", "parquet"):
        again = [*out, "--format", form, "--overwrite"]
        yield recommend, [*of_domain, "--users", data, *again]
        yield fold_in, [*of_domain, "--interactions", data, *again]
        yield explain, [*of_domain, "--pairs", data, *again]
        index = ["--format", "index", "--tables", form]
        yield export, [*model, *out, *index, "--overwrite"]
        yield prepare_job, ["--domain", f"sport={data}", "--split", "train_only", *again]
    yield recommend, [*of_domain, *out]
    yield export, [*model, *out, "--overwrite"]
    yield train, ["--domain", f"sport={data}", *out]
    yield train, ["--domain", f"sport={data}", "--warm-start", str(shop.model), *out]
    yield tune_job, ["--domain", f"sport={data}", *out]


READS_DATA = ("--users", "--interactions", "--pairs", "--domain")


def outputs(shop: Shop) -> dict[str, str]:
    """Outputs that nothing may be written to, by what they are."""
    return {
        "files of somebody": str(shop.root / "foreign"),
        "hidden files of somebody": f"{shop.root}/repository/",
        "a Parquet table named like one of ours": str(shop.root / "parquet"),
        "an export of an earlier version": str(shop.root / "export"),
        "above the model": str(shop.root / "models"),
        "above all": f"file:{shop.root}",
        "inside the model": str(shop.model / "recommendations"),
        "a table of the model": str(shop.model / "user_factors"),
        "a file": str(shop.data / "monday.csv"),
        "below a file": str(shop.data / "monday.csv" / "x"),
    }


def model_paths(shop: Shop) -> list[str]:
    """The model, written in several ways."""
    return [
        str(shop.model),
        f"{shop.model}/",
        f"file://{shop.model}",
        f"{shop.root}/data/../models//shop",
        str(shop.root / "link"),
    ]


def refuse_all(shop: Shop, output: str, capsys: pytest.CaptureFixture[str]) -> int:
    """Run every job; each ends with one line that names the output, and code 2.

    A training may replace the model, which is its own.
    """
    n = 0
    for job, arguments in commands(shop, output):
        if job is train and output in model_paths(shop):
            continue
        refuse(job, arguments, output, capsys)
        n += 1
    return n


def refuse(
    job: ModuleType, arguments: list[str], output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(partial(job.main, arguments)) == 2, arguments
    said = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert len(said) == 1
    assert said[0].startswith(f"error: output {output!r} "), said


def test_each_job_leaves_alone_what_it_did_not_make(
    spark: SparkSession, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every job once and every output once; all pairs of them are a long test."""
    before = snapshot(shop.root)
    places = [*outputs(shop).values(), *model_paths(shop)]
    for number, output in enumerate(places):
        jobs = list(commands(shop, output))
        assert len(jobs) == len(places)
        # So that no training meets the model, which it may replace.
        job, arguments = jobs[(number + 5) % len(jobs)]
        refuse(job, arguments, output, capsys)
    assert snapshot(shop.root) == before


@pytest.mark.long
def test_no_job_harms_what_it_did_not_make(
    spark: SparkSession, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files of a user, and a model, were gone after a job that was told to overwrite."""
    before = snapshot(shop.root)
    n = sum(refuse_all(shop, output, capsys) for output in outputs(shop).values())
    n += sum(refuse_all(shop, output, capsys) for output in model_paths(shop))
    assert snapshot(shop.root) == before
    assert n == 10 * 15 + 5 * 13


def test_recommending_over_the_own_model_is_refused(
    spark: SparkSession, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model was deleted, and the job ended with exit code 3."""
    before, model = snapshot(shop.model), str(shop.model)
    arguments = ["--model", model, "--domain", shop.domain, "--output", model]
    for more in (["--format", "parquet", "--overwrite"], ["--overwrite"], []):
        assert run(partial(recommend.main, [*arguments, *more])) == 2
        said = capsys.readouterr().err
        assert f"output {model!r} is the model {model!r}" in said
    assert snapshot(shop.model) == before


def test_an_output_in_the_folder_of_the_input_is_refused_at_once(
    spark: SparkSession, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """It worked the first night; the second, the input was no table any more."""
    before, n = snapshot(shop.root), 0
    for output in (f"{shop.data}/result", str(shop.data), str(shop.data.parent)):
        for job, arguments in commands(shop, output):
            if job is export or (job is recommend and "--users" not in arguments):
                continue
            assert run(partial(job.main, arguments)) == 2, arguments
            said = capsys.readouterr().err.splitlines()[-1]
            assert said.startswith(f"error: output {output!r} "), said
            assert repr(str(shop.data)) in said
            n += 1
    assert snapshot(shop.root) == before
    assert n == 3 * 11


def test_globs_and_frames_count_as_inputs(spark: SparkSession, shop: Shop, tmp_path: Path) -> None:
    glob = f"{shop.root}/data/*"
    with pytest.raises(ConfigurationError, match=r"is matched by the input .*/data/\*'"):
        check_target(spark, f"{shop.root}/data/out", DELTA, {"the input": glob})
    check_target(spark, f"{shop.root}/data/out", DELTA, {"the input": f"{glob}.csv"})
    rows = spark.createDataFrame([("u", "i", 1.0)], "user_id string, item_id string, weight double")
    rows.write.partitionBy("weight").parquet(str(tmp_path / "a table"))
    frame = spark.read.parquet(str(tmp_path / "a table"))
    for output in ("a table/model", "."):
        with pytest.raises(ConfigurationError, match=r"the interactions in '.*a table'"):
            CDIMF(output=str(tmp_path / output)).fit({"sport": frame})
    assert (tmp_path / "a table" / "_SUCCESS").exists()
    spark.sql("CREATE TABLE guarded USING delta AS SELECT 1 AS x")
    location = spark.sql("DESCRIBE DETAIL guarded").collect()[0]["location"]
    inputs: guard.Inputs = {"the input": "spark_catalog.default.guarded"}
    with pytest.raises(ConfigurationError, match="lies inside the input"):
        check_target(spark, f"{location}/x", DELTA, inputs)
    spark.sql("DROP TABLE guarded")


def test_calls_from_python_are_guarded(spark: SparkSession, shop: Shop) -> None:
    foreign = str(shop.root / "foreign")
    rows = [(f"u{n}", f"i{m}") for n in range(4) for m in range(3)]
    frame = spark.createDataFrame(rows, "user_id string, item_id string")
    model = CDIMFModel.load(str(shop.model), spark)
    prepared = prepare({"sport": frame}, filter="keep_all", split="train_only")
    before = snapshot(shop.root)
    calls: list[Callable[[str], object]] = [
        lambda path: model.export(path, overwrite=True),
        lambda path: model.export_index(path, overwrite=True),
        lambda path: prepared.write(path, overwrite=True),
        lambda path: CDIMF(output=path, rank=2, max_iter=1).fit({"sport": frame}),
        lambda path: tune({"sport": frame}, output=path),
        lambda path: train.main(["--output", path]),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError, match="has files but is not"):
            call(foreign)
    for call in calls[:2]:
        with pytest.raises(ConfigurationError, match="is the model"):
            call(str(shop.model))
    assert snapshot(shop.root) == before


def test_where_only_spark_sees_the_folder_nothing_is_harmed(
    spark: SparkSession, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "is_remote", lambda: True)
    before = snapshot(shop.root)
    for name, output in outputs(shop).items():
        if name != "below a file":
            with pytest.raises(ConfigurationError):
                check_target(spark, output, DELTA_AGAIN, {"the model": str(shop.model)})
    assert snapshot(shop.root) == before
