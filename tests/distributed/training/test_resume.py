"""Stopped trainings go on, to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.input.content import Content
from cdimf_spark.distributed.input.validation import annotate, raise_for_problems
from cdimf_spark.distributed.output.runs import ITERATION, Run
from cdimf_spark.distributed.training import resuming
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.errors import ConfigurationError, DataError
from tests.support.helpers import Domains, to_spark
from tests.support.trained_tables import config_of, log_version, published


class StoppedError(Exception):
    """What ends a training in the middle."""


@pytest.fixture
def stop_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let a training die when all tables of an iteration are written, but not its event."""
    write = Run.write

    def arm(iteration: int) -> None:
        def die(self: Run, event: str, number: int, details: Any = None) -> None:
            if event == ITERATION and number == iteration:
                raise StoppedError
            write(self, event, number, details)

        monkeypatch.setattr(Run, "write", die)

    return arm


@pytest.mark.long
def test_an_interrupted_training_ends_in_the_same_bits(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    stop_before: Callable[[int], None],
    tmp_path: Path,
) -> None:
    output = tmp_path / "model"
    data, config = to_spark(spark, domains), config_of(domains, output)
    stop_before(2)
    with pytest.raises(StoppedError):
        train(spark, data, config)
    # Goes on after iteration 1, when there was no consensus yet; dies again.
    stop_before(3)
    with pytest.raises(StoppedError):
        train(spark, data, config, resume=True)
    # Goes on after iteration 2, from the consensus, and ends between two of them.
    stop_before(9)
    first = train(spark, data, config_of(domains, output, max_iter=3), resume=True)
    assert [i["iteration"] for i in first.iterations] == [1, 2, 3]
    assert first.published == 3
    # From the same data in another order, on other partitions, read from somewhere else.
    moved = replace(config, domains=tuple(replace(d, path="elsewhere") for d in config.domains))
    run = train(spark, data.orderBy("item_id").repartition(3), moved, resume=True)
    assert run.run_id == first.run_id
    assert published(spark, output) == published(spark, at_once[0])
    for one, other in zip(run.iterations, at_once[1].iterations, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}

    # Nothing is left to do: not even a commit.
    version = log_version(spark, output, "runs")
    assert train(spark, data, config, resume=True).run_id == run.run_id
    assert log_version(spark, output, "runs") == version


def refused(
    spark: SparkSession,
    domains: Domains,
    finished: tuple[Path, Run],
    kind: type[Exception],
    message: str,
    **options: Any,
) -> None:
    """Resuming is refused, and nothing is written."""
    output, run = finished
    before, version = published(spark, output), log_version(spark, output, "runs")
    config = config_of(domains, output, **{"max_iter": 5, **options})
    with pytest.raises(kind, match=f"cannot resume run {run.run_id}{message}"):
        train(spark, to_spark(spark, domains), config, resume=True)
    assert published(spark, output) == before
    assert log_version(spark, output, "runs") == version


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1, "rho": 3.0}, r"rho 1\.0 -> 3\.0, seed 0 -> 1"),
        pytest.param({"rank": 9}, "rank 8 -> 9", marks=pytest.mark.slow),
        pytest.param({"num_blocks": None}, "num_blocks 2 -> auto", marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_resuming_with_other_options_is_refused(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    changed: dict[str, Any],
    named: str,
) -> None:
    message = rf" with other options: {named}\. Restore"
    refused(spark, domains, at_once, ConfigurationError, message, **changed)


def test_resuming_without_a_domain_is_refused(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    fewer = {name: frame for name, frame in domains.items() if name != "games"}
    message = r" with other options: domains\.games present -> absent\."
    refused(spark, fewer, at_once, ConfigurationError, message)


def test_iterations_are_not_taken_back(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    message = ": max_iter is 3, but 4 iterations are done"
    refused(spark, domains, at_once, ConfigurationError, message, max_iter=3)


def test_resuming_with_other_data_is_refused(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    changed, message = other_data(domains)
    refused(spark, changed, at_once, DataError, message)


def test_a_finished_training_is_not_the_answer_to_other_data(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    """Nothing is left to do but to compare the data: a model of other data is an error."""
    changed, message = other_data(domains)
    refused(spark, changed, at_once, DataError, message, max_iter=4)


def other_data(domains: Domains) -> tuple[Domains, str]:
    """Other data for two domains, and what is said of them."""
    books, films = domains["books"].copy(), domains["films"].iloc[:-1]
    books.loc[books.index[0], "weight"] += 0.001
    n = len(domains["films"])
    message = (
        r" with other data \(domain 'books': same number of rows, other content; "
        rf"domain 'films': rows {n} -> {n - 1}\)"
    )
    return {**domains, "books": books, "films": films}, message


def test_resuming_the_state_of_another_version_is_refused(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resuming, "STATE_FORMAT", resuming.STATE_FORMAT + 1)
    message = r": its tables have format \d \(cdimf_spark [\d.]+\), this is format \d"
    refused(spark, domains, at_once, ConfigurationError, message)


def test_what_a_fingerprint_sees(spark: SparkSession) -> None:
    def content(*rows: tuple[str, str, float]) -> Content:
        frame = spark.createDataFrame(list(rows), "user_id string, item_id string, weight double")
        return raise_for_problems(annotate(frame, "d"))["d"]

    one = content(("a", "x", 1.0), ("b", "y", 2.0), ("b", "y", 2.0))
    assert one == content(("b", "y", 2.0), ("c", "z", 0.0), ("a", "x", 1.0), ("b", "y", 2.0))
    others = [
        content(("a", "x", 1.0), ("b", "y", 2.0), ("b", "y", 2.0 + 2**-50)),
        content(("a", "y", 1.0), ("b", "x", 2.0), ("b", "y", 2.0)),
        content(("x", "a", 1.0), ("b", "y", 2.0), ("b", "y", 2.0)),
        content(("a", "x", 1.0), ("a", "x", 1.0), ("b", "y", 2.0)),
        content(("a", "x", 1.0), ("b", "y", 2.0)),
    ]
    assert len({one, *others}) == 6
