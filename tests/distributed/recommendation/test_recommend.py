"""Recommendations equal a sort of all scores, and users from other domains get theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession

from cdimf_spark.distributed.output.guard import check_target
from cdimf_spark.distributed.recommendation.id_files import read_users
from cdimf_spark.distributed.recommendation.recommend import (
    recommend,
    unknown_users,
)
from cdimf_spark.distributed.recommendation.requests import read_ids
from cdimf_spark.distributed.recommendation.writing import first_users, write_recommendations
from cdimf_spark.distributed.scoring.grid import Grid
from cdimf_spark.errors import ConfigurationError, DataError, ValueOutOfRangeError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind
from cdimf_spark.schemas import RECOMMENDATIONS
from tests.support.planted import Planted, random_model
from tests.support.planted_tables import planted_tables

Row = tuple[str, int, str, float, str]


def expected_lists(planted: Planted, domain: str, users: list[str], k: int) -> list[Row]:
    rows: list[Row] = []
    for user in users:
        row, source = planted.row_of(domain, user) or ([], "popular")
        seen = {item for other, item in planted.train[domain] if other == user}
        items = [item for item in planted.items[domain] if item not in seen]
        scores = {
            item: planted.score(row, domain, item) if row else float(planted.count(domain, item))
            for item in items
        }
        items.sort(key=lambda item: (-scores[item], int(id_keys([item])[0])))
        rows += [(user, n + 1, item, scores[item], source) for n, item in enumerate(items[:k])]
    return rows


@pytest.mark.parametrize(
    ("domain", "k", "cuts"),
    [
        pytest.param("cloth", 17, None, marks=pytest.mark.slow),
        ("sport", 3, (2, 3)),
        ("sport", 5, (1, 1)),
    ],
)
def test_equals_a_sort_of_all_scores(
    spark: SparkSession, domain: str, k: int, cuts: tuple[int, int] | None
) -> None:
    planted, _ = random_model(np.random.default_rng(11))
    planted.num_blocks = 5
    tables = planted_tables(spark, planted)
    people = [f"u{n}" for n in range(24)]
    requests = spark.createDataFrame([(u,) for u in people], "user_id string")
    grid = Grid.cut(tables, {domain: cuts}) if cuts else None
    found = recommend(tables, domain, requests, k, grid=grid)
    expected = spark.createDataFrame(expected_lists(planted, domain, people, k), RECOMMENDATIONS)
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


def test_all_users_of_a_domain_and_unknown_ones(spark: SparkSession) -> None:
    planted, _ = random_model(np.random.default_rng(12))
    tables = planted_tables(spark, planted)
    expected = expected_lists(planted, "sport", list(planted.users["sport"]), 4)
    assert_df_equality(
        recommend(tables, "sport", k=4),
        spark.createDataFrame(expected, RECOMMENDATIONS),
        ignore_row_order=True,
        ignore_nullable=True,
    )
    asked = spark.createDataFrame([("u0",), ("u20",), ("u22",), ("u23",), ("x",)], "user_id string")
    missing = unknown_users(tables, "sport", asked)
    assert sorted(row[0] for row in missing.collect()) == ["u23", "x"]


@pytest.mark.parametrize("k", [0, -1, 41, 2.0, True])
def test_length_out_of_range(spark: SparkSession, k: int) -> None:
    planted, _ = random_model(np.random.default_rng(13))
    with pytest.raises(ValueOutOfRangeError, match="from 1 to 40, the number of items"):
        recommend(planted_tables(spark, planted), "sport", k=k)


def test_list_of_users_from_a_file(spark: SparkSession, tmp_path: Path) -> None:
    text = tmp_path / "ids.txt"
    text.write_text("user_id\n u2\nu10\n\nu2\n")
    assert sorted(row[0] for row in read_users(spark, str(text)).collect()) == ["u10", "u2"]
    assert first_users(read_users(spark, str(text)), 1) == ["u10"]
    parquet = str(tmp_path / "ids.parquet")
    spark.createDataFrame([(7,), (8,)], "user_id int").write.parquet(parquet)
    assert sorted(row[0] for row in read_users(spark, parquet).collect()) == ["7", "8"]
    delta = str(tmp_path / "ids")
    spark.createDataFrame([("a",)], "user_id string").write.format("delta").save(delta)
    assert [row[0] for row in read_users(spark, delta).collect()] == ["a"]


def test_errors_of_lists_of_users(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(DataError, match=r"empty.txt.* has no user id"):
        read_users(spark, str(tmp_path / "empty.txt"))
    with pytest.raises(DataError, match=r"no such file.*nowhere"):
        read_users(spark, str(tmp_path / "nowhere"))
    spark.range(1).write.parquet(str(tmp_path / "x.parquet"))
    with pytest.raises(DataError, match="no column 'user_id'; present: id"):
        read_users(spark, str(tmp_path / "x.parquet"))


def test_output_is_not_overwritten_by_accident(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("u", 1, "i", 0.5, "own")], RECOMMENDATIONS)
    for form in ("delta", "parquet"):
        path = str(tmp_path / form)
        order = Order(Kind.RECOMMENDATIONS, form)
        counts = write_recommendations(rows, check_target(spark, path, order, {}), 2)
        assert counts == {"n_rows": 1, "n_lists": 1, "n_short": 1}
        with pytest.raises(ConfigurationError, match="--overwrite"):
            check_target(spark, path, order, {})
        again = check_target(spark, path, replace(order, overwrite=True), {})
        write_recommendations(rows.limit(0), again, 2)
        assert spark.read.format(form).load(path).isEmpty()


def test_one_text_is_no_list_of_ids(spark: SparkSession) -> None:
    """Its letters were taken for users whom nobody knows."""
    with pytest.raises(ConfigurationError, match=r"is the text 'u1': a list of ids, \['u1'\]"):
        read_ids(spark, "u1", "user_id", "users")
