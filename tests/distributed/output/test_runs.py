"""The log of runs: events add up to where a run is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cdimf_spark.distributed.output.runs import (
    ITERATION,
    PACKED,
    PUBLISHED,
    STARTED,
    Run,
    last_run,
    new_run,
)
from cdimf_spark.distributed.output.tables import OutputTables


def test_events_add_up() -> None:
    run = Run(None, "r", {})  # type: ignore[arg-type]
    assert (run.packed, run.iteration, run.published) == (False, 0, None)
    run.note(PACKED, 0, {})
    run.note(ITERATION, 1, {"loss": 3.0})
    run.note(ITERATION, 2, {"loss": 2.0})
    assert run.packed
    assert run.iteration == 2
    run.note(PUBLISHED, 2, {})
    assert run.published == 2
    # An iteration that is done again replaces itself and all later ones.
    run.note(ITERATION, 1, {"loss": 2.5})
    assert run.iterations == [{"loss": 2.5}]


def test_runs_are_found_again(spark: SparkSession, tmp_path: Path) -> None:
    tables = OutputTables(spark, str(tmp_path))
    assert last_run(tables) is None
    first = new_run(tables, {"config": {"rank": 8}, "blocks": 2})
    first.write(STARTED, 0, first.details)
    assert first.first
    assert last_run(tables, published=True) is None
    first.record(PACKED, 0)
    first.record(ITERATION, 1, {"loss": 3.25, "domains": [{"domain": "a"}]})
    first.record(ITERATION, 2, {"loss": 2.5})
    first.record(PUBLISHED, 2)
    found = last_run(tables)
    assert found is not None
    assert facts(found) == facts(first)
    assert found.first
    assert found.details == {"config": {"rank": 8}, "blocks": 2}

    second = new_run(tables, {"blocks": 3})
    second.write(STARTED, 0, second.details)
    assert not second.first
    newest, published = last_run(tables), last_run(tables, published=True)
    assert newest is not None
    assert published is not None
    assert facts(newest) == facts(second)
    assert not newest.first
    assert facts(published) == facts(first)


def facts(run: Run) -> tuple[Any, ...]:
    return run.run_id, run.details, run.iterations, run.packed, run.published
