"""Results that a job writes as JSON."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from cdimf_spark.cli.commands import compare, evaluate
from cdimf_spark.reports.results import Comparison, Evaluation, Result
from tests.support.measures import comparison, evaluation


class Model:
    """Answers with what it was made of."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def evaluate(self, *_: object, **__: object) -> Result:
        return self.result

    compare = evaluate


RESULTS = [
    (evaluate, Evaluation(evaluation("sport"))),
    (compare, Comparison(comparison("sport"))),
]


@pytest.mark.parametrize(("job", "result"), RESULTS, ids=["evaluate", "compare"])
def test_a_result_is_written_as_its_dict(
    job: argparse.Namespace, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "job_session", lambda *_, **__: None)
    monkeypatch.setattr(job, "open_with_tests", lambda *_: (Model(result), None))
    file = tmp_path / "found.json"
    job.main(["--model", "m", "--test", "sport=t.csv", "--json", str(file)])
    assert json.loads(file.read_text()) == json.loads(json.dumps(result.to_dict()))
