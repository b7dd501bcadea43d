"""Evaluation equals the protocol written in plain Python, however the work is cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.evaluation.evaluate import evaluate
from cdimf_spark.distributed.scoring.grid import Grid
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.errors import ConfigurationError, DataError, ValueOutOfRangeError
from cdimf_spark.evaluation.evaluation_summary import Found, summarize
from cdimf_spark.evaluation.protocol import Negatives
from cdimf_spark.evaluation.test_rows import UNKNOWN_ITEM, UNKNOWN_USER
from cdimf_spark.input_errors import EmptyInputError
from tests.support.planted import Planted, expected_metrics, random_model, tests_frame
from tests.support.planted_tables import planted_tables

DOMAINS = ("cloth", "sport")
N_TESTS = dict.fromkeys(DOMAINS, 50)


def assert_same_metrics(found: dict[str, object], expected: dict[str, object]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        same = value if isinstance(value, dict | str) else pytest.approx(value, rel=1e-12)
        assert found[name] == same, name


@pytest.mark.parametrize(
    ("case", "negatives", "k", "cuts", "aligned"),
    [
        (0, 5, 3, None, None),
        pytest.param(
            *(1, 8, 9, {"cloth": (2, 3), "sport": (1, 5)}, frozenset[str]()),
            marks=pytest.mark.slow,
        ),
        (2, "all", 4, {"cloth": (1, 1), "sport": (2, 2)}, None),
    ],
)
def test_equals_the_protocol_in_plain_python(
    spark: SparkSession,
    case: int,
    negatives: Negatives,
    k: int,
    cuts: dict[str, tuple[int, int]] | None,
    aligned: frozenset[str] | None,
) -> None:
    planted, tests = random_model(np.random.default_rng(case))
    # Without aligned domains, each knows its own users only.
    planted = replace(planted, aligned=aligned, num_blocks=4)
    tables = planted_tables(spark, planted)
    frame = tests_frame(spark, tests)
    grid = Grid.cut(tables, cuts) if cuts else None
    found = evaluate(tables, frame, N_TESTS, k, negatives, seed=case, grid=grid)
    for domain in DOMAINS:
        expected = expected_metrics(planted, domain, tests[domain], k, negatives, case)
        assert_same_metrics(found["domains"][domain], {**expected, "negatives": negatives})
    assert (found["k"], found["negatives"], found["seed"]) == (k, negatives, case)


@pytest.mark.slow
def test_same_numbers_for_any_cuts_and_any_order_of_rows(spark: SparkSession) -> None:
    rng = np.random.default_rng(7)
    planted, tests = random_model(rng)
    # Not whole numbers: sums depend on how they are computed.
    for rows in (*planted.users.values(), *planted.items.values()):
        for one in rows:
            rows[one] = rng.standard_normal(2).tolist()
    tables, results = planted_tables(spark, replace(planted, num_blocks=5)), set()
    for n, cuts in enumerate(((5, 1), (2, 2), (1, 7))):
        frame = (
            tests_frame(spark, tests).repartition(n + 1, "item_id").sortWithinPartitions("user_id")
        )
        grid = Grid.cut(tables, dict.fromkeys(DOMAINS, cuts))
        found = evaluate(tables, frame, N_TESTS, 3, 8, grid=grid)
        results.add(json.dumps(found, sort_keys=True))
    assert len(results) == 1


def line(n_items: int = 6) -> Planted:
    """One domain; the score of item number n is n for everybody."""
    items = {f"i{n}": [float(n), 0.0] for n in range(n_items)}
    return Planted(
        users={"shop": {"anna": [1.0, 0.0], "boris": [1.0, 0.0]}},
        items={"shop": items},
        train={"shop": [("anna", "i5"), ("boris", "i0")]},
    )


def test_known_ranks(spark: SparkSession, shop: ScoringTables) -> None:
    # anna has seen i5, so i4 is first and i3 second for her; boris has i5 and i4 before i3.
    tests = {
        "shop": [("anna", "i3"), ("boris", "i3"), ("anna", "i5"), ("carl", "i1"), ("anna", "x")]
    }
    # Some blocks are empty.
    grid = Grid.cut(shop, {"shop": (1, 3)})
    result = evaluate(shop, tests_frame(spark, tests), {"shop": 5}, 2, "all", grid=grid)
    found = result["domains"]["shop"]
    # anna, i5 (in train): last of i0, i1, i2, i4 and itself.
    assert found["hr"] == pytest.approx(1 / 3)
    assert found["mrr"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 5) / 3)
    # Lists: i4 i3, i5 i4, i4 i2 (test items of a user are no negatives of their other tests).
    assert found["coverage"] == pytest.approx(4 / 6)
    assert (found["n_test"], found["n_skipped"], found["n_in_train"]) == (3, 2, 1)
    assert (found["unknown_user"], found["unknown_item"]) == (1, 1)


@pytest.fixture(scope="module")
def shop(spark: SparkSession) -> ScoringTables:
    return planted_tables(spark, replace(line(), num_blocks=9))


@pytest.mark.parametrize("negatives", [999, 6, 5])
def test_a_domain_with_too_few_items_to_draw_is_ranked_in_whole_and_says_so(
    spark: SparkSession,
    shop: ScoringTables,
    caplog: pytest.LogCaptureFixture,
    negatives: int,
) -> None:
    # 6 items less 2 of anna's leave 4 to draw from.
    tests = {"shop": [("anna", "i3"), ("anna", "i1"), ("boris", "i3")]}
    frame, n_tests = tests_frame(spark, tests), {"shop": 3}
    whole = evaluate(shop, frame, n_tests, 2, "all")
    found = evaluate(shop, frame, n_tests, 2, negatives)
    assert found["domains"] == whole["domains"]
    assert found["measures"] == whole["measures"]
    assert found["domains"]["shop"]["negatives"] == "all"
    assert found["negatives"] == negatives
    (warning,) = caplog.messages
    assert f"domain 'shop' has 6 items, too few to draw {negatives} negatives" in warning


def test_draws_are_as_asked_for_where_the_catalogue_just_has_them(
    spark: SparkSession, shop: ScoringTables, caplog: pytest.LogCaptureFixture
) -> None:
    tests = {"shop": [("anna", "i3"), ("anna", "i1"), ("anna", "i1"), ("boris", "i3")]}
    found = evaluate(shop, tests_frame(spark, tests), {"shop": 4}, 2, 4)
    assert found["domains"]["shop"]["negatives"] == 4
    assert caplog.messages == []


def test_small_and_large_domains_are_each_ranked_by_their_own_protocol(
    spark: SparkSession,
) -> None:
    planted, tests = random_model(np.random.default_rng(3))
    few = dict(list(planted.items["cloth"].items())[:5])
    train = [pair for pair in planted.train["cloth"] if pair[1] in few]
    planted = replace(
        planted,
        items={**planted.items, "cloth": few},
        train={**planted.train, "cloth": train},
        users={**planted.users, "cloth": {u: planted.users["cloth"][u] for u, _ in train}},
    )
    found = evaluate(planted_tables(spark, planted), tests_frame(spark, tests), N_TESTS, 3, 7)
    for domain, negatives in (("cloth", "all"), ("sport", 7)):
        expected = expected_metrics(planted, domain, tests[domain], 3, negatives, 0)
        assert_same_metrics(found["domains"][domain], {**expected, "negatives": negatives})


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"k": 0}, ValueOutOfRangeError, "a whole number from 1"),
        ({"k": 7}, ValueOutOfRangeError, "from 1 to 6"),
        ({"k": 4, "negatives": 2}, ValueOutOfRangeError, "at most 3"),
        ({"k": 2.5}, ValueOutOfRangeError, "whole number"),
        ({"negatives": 0}, ValueOutOfRangeError, "from 1, or 'all'"),
        ({"negatives": "many"}, ValueOutOfRangeError, "from 1, or 'all'"),
        ({"seed": "x"}, ValueOutOfRangeError, "whole number"),
        ({"n_tests": {"shpo": 3}}, ConfigurationError, "did you mean 'shop'"),
    ],
)
def test_errors_of_options(
    spark: SparkSession,
    shop: ScoringTables,
    options: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    tests = {"shop": [("anna", "i3"), ("anna", "i1"), ("boris", "i3")]}
    given: dict[str, Any] = {"n_tests": {"shop": 3}, "k": 1, "negatives": "all", **options}
    with pytest.raises(error, match=words):
        evaluate(shop, tests_frame(spark, tests), **given)


def test_no_test_row_is_an_error() -> None:
    with pytest.raises(EmptyInputError, match="'shop'"):
        summarize("shop", [], 6, k=1)


def test_only_unknown_users_and_items_are_an_error() -> None:
    found = [
        Found("shop", state, "", False, None, n)
        for state, n in ((UNKNOWN_USER, 4), (UNKNOWN_ITEM, 2))
    ]
    with pytest.raises(DataError, match="4 have an unknown user and 2 an unknown item"):
        summarize("shop", found, 6, k=1)
