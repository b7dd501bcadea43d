"""From raw files to the folder that training and evaluation read, and what a user is told."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

import cdimf_spark
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.reading import read_interactions, read_test
from cdimf_spark.distributed.preparation.prepared import Prepared, prepare, prepare_from_config
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.input_errors import BadRowsError
from cdimf_spark.preparation.prepare_config import PrepareConfig, load_prepare_config
from tests.support.amazon_like import pairs_of, two_domains, write_reviews
from tests.support.inputs import write

FILTER = {"min_user_interactions": "3", "min_item_interactions": "4"}


def config_of(folder: Path, output: Path, **options: str) -> PrepareConfig:
    domains = [f"{name}={folder}/{name}.json.gz" for name in ("sport", "cloth")]
    return load_prepare_config(options={**FILTER, **options}, domains=domains, output=str(output))


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for name, reviews in two_domains().items():
        write_reviews(folder / f"{name}.json.gz", reviews)
    return folder


@pytest.fixture(scope="module")
def prepared(spark: SparkSession, raw: Path) -> tuple[Prepared, Path]:
    output = raw / "out put"
    return prepare_from_config(spark, config_of(raw, output, split="warm")), output


def pairs(frame: DataFrame) -> set[tuple[str, str]]:
    return {(row["user_id"], row["item_id"]) for row in frame.collect()}


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_amazon_files_to_a_split(prepared: tuple[Prepared, Path]) -> None:
    result, output = prepared
    reviews = two_domains()
    for name in ("sport", "cloth"):
        parts = [pairs(frames[name]) for frames in (result.train, result.validation, result.test)]
        assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
        assert set.union(*parts) <= pairs_of(reviews[name])
    report = json.loads((output / "report.json").read_text())
    assert report["events"]["sport"]["events"] == len(reviews["sport"])
    assert set(report["checks"].values()) == {0}
    assert report["config"]["split"] == "warm"
    assert len(report["next"]) == 2
    text = str(result)
    assert "cloth + sport" in text
    assert "Leakage checks passed" in text
    assert f"--domain 'sport={output}/sport/train'" in result.commands(str(output))


@pytest.mark.parametrize("form", ["delta", "parquet", "csv"])
def test_training_and_evaluation_can_read_it(
    spark: SparkSession, prepared: tuple[Prepared, Path], tmp_path: Path, form: str
) -> None:
    result, _ = prepared
    result.write(str(tmp_path / "o"), format=form)
    if form == "parquet":
        result.write(str(tmp_path / "o"), format=form, overwrite=True)
    domain = DomainConfig("sport", str(tmp_path / "o" / "sport" / "train"))
    found = read_interactions(spark, [domain])["sport"]
    assert sorted(found.collect()) == sorted(
        result.train["sport"].select("user_id", "item_id", "weight").collect()
    )
    test = read_test(spark, DomainConfig("sport", str(tmp_path / "o" / "sport" / "test")))
    assert pairs(test) == pairs(result.test["sport"])


def test_an_earlier_result_is_not_harmed(
    spark: SparkSession, raw: Path, prepared: tuple[Prepared, Path]
) -> None:
    result, output = prepared
    before = files_of(output)
    config = config_of(raw, output, split="warm")
    with pytest.raises(ConfigurationError, match="exists: use --overwrite"):
        prepare_from_config(spark, config)
    with pytest.raises(ConfigurationError, match="has tables of the format delta"):
        result.write(str(output), format="csv", overwrite=True)
    write(raw / "broken" / "sport.json.gz", b"no archive")
    write(raw / "broken" / "cloth.json.gz", (raw / "cloth.json.gz").read_bytes())
    with pytest.raises(DataError, match="cannot read"):
        prepare_from_config(spark, config_of(raw / "broken", output, split="warm"), overwrite=True)
    assert files_of(output) == before


def test_what_a_run_would_not_replace_is_left_alone(
    spark: SparkSession, prepared: tuple[Prepared, Path], tmp_path: Path
) -> None:
    write(tmp_path / "foreign" / "films" / "train" / "a.csv", "user,item\n")
    for overwrite in (False, True):
        with pytest.raises(ConfigurationError, match=r"not a prepared data set \(it has 'films'\)"):
            prepared[0].write(str(tmp_path / "foreign"), overwrite=overwrite)
    shutil.copytree(prepared[1], tmp_path / "o")
    write(tmp_path / "o" / "films" / "train" / "a.csv", "user,item\n")
    before = files_of(tmp_path / "o")
    with pytest.raises(ConfigurationError, match=r"'films/train/a\.csv', which is not as the"):
        prepared[0].write(str(tmp_path / "o"), overwrite=True)
    assert files_of(tmp_path / "o") == before


def frames_of(spark: SparkSession) -> dict[str, DataFrame]:
    return {name: spark.createDataFrame(reviews) for name, reviews in two_domains().items()}


@pytest.mark.slow
def test_call_from_a_notebook(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cdimf_spark.prepare is prepare
    monkeypatch.setenv("NOTEBOOK_KEY", "0123456789abcdef")
    links = spark.createDataFrame(
        [(name, f"A{n:04d}", f"p{n}") for name in ("sport", "cloth") for n in range(100)],
        "domain string, user_id string, person_id string",
    )
    result = prepare(
        frames_of(spark),
        links=links,
        domain_options={"sport": {"min_rating": 2}},
        filter="keep_all",
        split="train_only",
        key_env="NOTEBOOK_KEY",
    )
    assert (result.test, result.validation) == ({}, {})
    users = {row["user_id"] for row in result.train["sport"].collect()}
    assert {len(user) for user in users} == {64}
    assert result.report["events"]["sport"]["rating"] > 0
    assert result.report["events"]["cloth"]["rating"] == 0
    assert result.report["links"]["sport"]["unlinked"] == 0
    assert "0123456789abcdef" not in json.dumps(result.report)
    assert result.train["sport"].columns == ["user_id", "item_id", "weight", "timestamp"]


def test_nothing_left(spark: SparkSession) -> None:
    with pytest.raises(DataError, match=r"'sport': none of .* is left after filter: k_core"):
        prepare(frames_of(spark), filter="k_core", min_user_interactions=20)
    with pytest.raises(DataError, match="'sport': no event is left"):
        prepare(frames_of(spark), time_from="2030-01-01")


def test_unfit_for_csv(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame([("u ", "i"), ("v", "i")], "user string, item string")
    result = prepare({"a": frame}, filter="keep_all", split="train_only")
    with pytest.raises(DataError, match="user 'u ' or item 'i' has a line break"):
        result.write(str(tmp_path / "o"), format="csv")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"splt": "warm"}, "did you mean 'split'"),
        ({"domain_options": {"film": {}}}, "unknown option 'film' in domain_options"),
    ],
)
def test_wrong_calls(spark: SparkSession, call: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        prepare({"a": spark.range(1)}, **call)


def test_a_bad_row_is_named(spark: SparkSession, raw: Path, tmp_path: Path) -> None:
    lines = b'{"reviewerID":"a","asin":"i","overall":5}\n{"asin":"j"}\n'
    write(tmp_path / "sport.json.gz", gzip.compress(lines))
    write(tmp_path / "cloth.json.gz", (raw / "cloth.json.gz").read_bytes())
    with pytest.raises(BadRowsError, match=r"sport\.json\.gz', line 2: user_id is empty"):
        prepare_from_config(spark, config_of(tmp_path, tmp_path / "o"))
    assert not (tmp_path / "o").exists()
