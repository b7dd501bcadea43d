"""Explanations of many pairs on Spark are those of one-by-one serving."""

from __future__ import annotations

import logging

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.errors import ConfigurationError, DataError, ValueOutOfRangeError
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.fold_in_users import NAME, PULLS, people
from tests.support.helpers import Domains
from tests.support.served_model import training_cells

PAIRS = "user_id string, item_id string"


def test_parts(
    spark: SparkSession,
    model: CDIMFModel,
    served: ServingModel,
    domains: Domains,
    caplog: pytest.LogCaptureFixture,
) -> None:
    items = sorted(set(domains[NAME]["item_id"]))[:3]
    some = people(domains)
    pairs = [(user, item) for user in some.values() for item in items] + [(some["own"], "gone")]
    with caplog.at_level(logging.WARNING):
        found = model.explain(NAME, spark.createDataFrame(pairs, PAIRS), count=2).collect()
    # "gone" comes before the stranger's three pairs, or after, as their users do.
    first = min((some["own"], "gone"), (some["new"], items[0]))
    left_out = "4 pairs of unknown users or items left out, the first is user {!r}, item {!r}"
    assert left_out.format(*first) in caplog.text
    rows = {(row.user_id, row.item_id): row for row in found}
    assert set(rows) == {(some[kind], item) for kind in some if kind != "new" for item in items}
    cells = training_cells(domains[NAME], "user_id", "item_id")
    for kind in ("shared", "own"):
        user = some[kind]
        for item in items:
            row, expected = rows[user, item], served.explain(NAME, user, item, cells[user])
            for part in ("score", "own", "consensus", "prior", "remainder"):
                assert row[part] == pytest.approx(getattr(expected, part), abs=1e-6), part
            assert row.pull == PULLS[kind] == expected.pull
            assert [tuple(c) for c in row.contributions] == [
                (c.item_id, pytest.approx(c.weight), pytest.approx(c.contribution, abs=1e-6))
                for c in expected.contributions[:2]
            ]


@pytest.mark.slow
def test_score_of_a_stranger_is_all_consensus(
    spark: SparkSession, model: CDIMFModel, domains: Domains
) -> None:
    some = people(domains)
    users = [some["foreign"], some["traveller"]]
    best = model.recommend(NAME, users=users, k=2)
    scores = {(row.user_id, row.item_id): row.score for row in best.collect()}
    found = model.explain(NAME, best).collect()
    assert {(row.user_id, row.item_id): row.score for row in found} == pytest.approx(scores)
    for row in found:
        assert (row.own, row.prior, row.remainder, row.contributions) == (0, 0, 0, [])
        assert row.consensus == row.score
        assert row.pull == ("foreign" if row.user_id == some["foreign"] else "shared")


def test_errors(spark: SparkSession, model: CDIMFModel) -> None:
    pairs = spark.createDataFrame([("u", "gone")], PAIRS)
    with pytest.raises(
        DataError, match=r"none of the 1 pair has .*: the first is user 'u', item 'gone'"
    ):
        model.explain(NAME, pairs)
    with pytest.raises(ConfigurationError, match="no domain 'boks'"):
        model.explain("boks", pairs)
    with pytest.raises(ValueOutOfRangeError, match="count"):
        model.explain(NAME, pairs, count=0)
