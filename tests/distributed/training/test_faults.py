"""A training that is stopped at each point of an iteration and of the publication goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.training.run_training import train
from tests.faults.injection import arm
from tests.faults.output import contents
from tests.faults.points import Point
from tests.support.helpers import Domains, to_spark
from tests.support.trained_tables import config_of, log_version, published


class InjectedError(Exception):
    """Stands for the end of a process."""


def fail() -> None:
    raise InjectedError


# In the order in which they come: none of these lets more than one iteration be recorded.
STOPS = [
    Point("append", "blocks", "after"),
    Point("append", "state", "after"),
    Point("append", "exchange", "after"),
    Point("append", "consensus", "before"),
    Point("event", "iteration", "before"),
    Point("overwrite", "factors", "after"),
    Point("overwrite", "user_factors", "after"),
    Point("event", "published", "before"),
]


@pytest.mark.parametrize(
    "stops",
    [
        STOPS[4:5],
        pytest.param(STOPS[1::3], marks=pytest.mark.slow),
        pytest.param(STOPS, marks=pytest.mark.long),
    ],
)
def test_a_training_that_is_stopped_everywhere_ends_in_the_same_bits(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    tmp_path: Path,
    stops: list[Point],
) -> None:
    output = tmp_path / "model"
    data, config = to_spark(spark, domains).persist(), config_of(domains, output)
    complete = contents(at_once[0])
    for point in stops:
        with pytest.MonkeyPatch.context() as patches:
            arm(point, fail, patches)
            with pytest.raises(InjectedError):
                train(spark, data, config, resume=True)
        # A table is as it was, or as it will be.
        seen = contents(output)
        assert all(seen[name] in (None, complete[name]) for name in seen), point
    run = train(spark, data, config, resume=True)
    assert published(spark, output) == published(spark, at_once[0])
    assert contents(output) == complete
    assert [i["iteration"] for i in run.iterations] == [1, 2, 3, 4]
    # Nothing is left to do: not even a commit.
    version = log_version(spark, output, "runs")
    assert train(spark, data, config, resume=True).run_id == run.run_id
    assert log_version(spark, output, "runs") == version
