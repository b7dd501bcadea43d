"""Means over users and their intervals equal a plain walk over the users, however work is cut."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.evaluation.evaluate import evaluate
from cdimf_spark.distributed.scoring.grid import Grid
from cdimf_spark.errors import ValueOutOfRangeError
from cdimf_spark.evaluation.groups import GROUPINGS, check_groupings
from cdimf_spark.evaluation.protocol import Negatives
from cdimf_spark.reports.measures_report import measures_tables
from tests.support.plain_measures import Users, ranks_of_users, values_of
from tests.support.planted import random_model, tests_frame
from tests.support.planted_tables import planted_tables

KS = (4, 1, 3)
DOMAINS = ("cloth", "sport")


def assert_means(found: Mapping[str, Any], users: Users) -> None:
    assert found["n_users"] == len(users)
    assert found["n_test"] == sum(map(len, users.values()))
    for k in KS:
        values = [values_of(ranks, k) for ranks in users.values()]
        for name in values[0]:
            mean = found["mrr"] if name == "mrr" else found["at"][str(k)][name]
            numbers = [one[name] for one in values]
            assert mean["mean"] == pytest.approx(fmean(numbers), rel=1e-12, abs=1e-15)
            if len(users) == 1:
                assert (mean["low"], mean["high"]) == (None, None)
            else:
                half = 1.959963984540054 * stdev(numbers) / math.sqrt(len(numbers))
                assert mean["high"] - mean["mean"] == pytest.approx(half, rel=1e-7, abs=1e-8)
                assert mean["mean"] - mean["low"] == pytest.approx(half, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(("case", "negatives"), [(3, "all"), (4, 6)])
def test_equals_a_walk_over_the_users(spark: SparkSession, case: int, negatives: Negatives) -> None:
    planted, tests = random_model(np.random.default_rng(case))
    frame, n_tests = tests_frame(spark, tests), dict.fromkeys(DOMAINS, 50)
    tables = planted_tables(spark, planted)
    found = evaluate(tables, frame, n_tests, KS, negatives, 5, GROUPINGS)
    assert found["k"] == KS[0]
    for domain in DOMAINS:
        ranks, measures = (
            ranks_of_users(planted, domain, tests[domain], negatives, 5),
            found["measures"],
        )
        assert_means(measures[domain], ranks["all"][""])
        assert measures[domain]["by"].keys() == set(GROUPINGS)
        for by, groups in measures[domain]["by"].items():
            assert groups.keys() == ranks[by].keys()
            for group, one in groups.items():
                assert_means(one, ranks[by][group])
    assert "history: 1-4" in measures_tables(found)


@pytest.mark.slow
def test_each_k_and_every_cut_say_the_same(spark: SparkSession) -> None:
    planted, tests = random_model(np.random.default_rng(8))
    for rows in (*planted.users.values(), *planted.items.values()):
        for one in rows:
            rows[one] = np.random.default_rng(len(one)).standard_normal(2).tolist()
    frame, n_tests = tests_frame(spark, tests), dict.fromkeys(DOMAINS, 50)
    tables = planted_tables(spark, replace(planted, num_blocks=3))
    together, again = (
        evaluate(tables, rows, n_tests, KS, 6, 0, "history", Grid.cut(tables, cuts))
        for rows, cuts in (
            (frame, dict.fromkeys(DOMAINS, (1, 3))),
            (frame.repartition(5, "item_id"), dict.fromkeys(DOMAINS, (3, 1))),
        )
    )
    assert json.dumps(together) == json.dumps(again)
    main = evaluate(tables, frame, n_tests, KS[0], 6)
    assert together["domains"] == main["domains"]
    for alone in (main, evaluate(tables, frame, n_tests, KS[1], 6)):
        for domain in DOMAINS:
            at = together["measures"][domain]["at"][str(alone["k"])]
            assert at == alone["measures"][domain]["at"][str(alone["k"])]
            assert at["coverage"] == alone["domains"][domain]["coverage"]


def test_unknown_grouping() -> None:
    with pytest.raises(ValueOutOfRangeError, match="'age', but must be some of shared, history"):
        check_groupings(["shared", "age"])
    assert check_groupings("source") == ("source",)
    assert check_groupings("shared, history") == ("shared", "history")
