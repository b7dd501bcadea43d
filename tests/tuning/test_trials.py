"""Trials, their file, and the best configuration as YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdimf_spark.configuration.config import TrainConfig, load_config
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.reports.tuning_report import best_of, trial_line, trials_text, write_best
from cdimf_spark.tuning.trials import Checkpoint, Trial, TrialLog, is_behind
from cdimf_spark.tuning.tuning_options import TuningOptions


def trial(number: int, *values: float, rank: int = 8) -> Trial:
    metrics = {"sport": {"hr": 0.5, "ndcg": 0.25, "mrr": 0.2}}
    points = [Checkpoint(2 * n, value, metrics) for n, value in enumerate(values, 1)]
    return Trial(number, {"rank": rank, "rho": 0.3}, points, "no gain", 1.5)


def test_best_evaluation_of_a_trial() -> None:
    assert trial(1, 0.1, 0.3, 0.2).best.iteration == 4
    assert trial(1, 0.3, 0.3).best.iteration == 2
    assert best_of([trial(1, 0.1), trial(2, 0.2), trial(3, 0.2)]).number == 2


def test_median_rule() -> None:
    earlier = [trial(n, value, 0.9) for n, value in enumerate((0.1, 0.2, 0.3, 0.4), 1)]
    assert is_behind(0.24, 2, earlier)
    assert not is_behind(0.26, 2, earlier)
    assert not is_behind(0.0, 2, earlier[:3])
    assert not is_behind(0.0, 3, earlier)


def test_file_of_trials(tmp_path: Path) -> None:
    path = tmp_path / "tuning" / "trials.jsonl"
    log = TrialLog(path, {"seed": 1})
    log.add(trial(1, 0.1))
    log.add(trial(2, 0.2, 0.3))
    with path.open("a") as file:
        file.write('{"number": 3, "opt')
    again = TrialLog(path, {"seed": 1})
    assert again.trials == [trial(1, 0.1), trial(2, 0.2, 0.3)]
    again.add(trial(3, 0.5))
    assert len(TrialLog(path, {"seed": 1}).trials) == 3
    with pytest.raises(ConfigurationError, match=r"another search \(k, seed\)"):
        TrialLog(path, {"seed": 2, "k": 5})


@pytest.mark.parametrize(
    "content", ["hello\n", '{"trials": 3}\n', '{"search": {}}\n{"number": 1}\n']
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="not a file of trials"):
        TrialLog(path, {})


def test_a_file_whose_first_line_was_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text('{"search": {"se')
    assert TrialLog(path, {"seed": 1}).trials == []
    assert TrialLog(path, {"seed": 1}).trials == []


def test_best_configuration_is_one_that_training_reads(tmp_path: Path) -> None:
    domains = (
        DomainConfig("sport", "a.csv", columns=("buyer", "article"), separator=";", rho=2.0),
        DomainConfig("cloth", "b.parquet"),
    )
    config = TrainConfig(ModelConfig(max_iter=20, reg_exponent=0.25, seed=3), domains)
    trials = [trial(1, 0.1), trial(2, 0.2, 0.3, rank=16)]
    write_best(tmp_path / "best.yaml", config, trials, TuningOptions())
    read = load_config(str(tmp_path / "best.yaml"))
    assert read.model == ModelConfig(rank=16, rho=0.3, max_iter=4, reg_exponent=0.25, seed=3)
    assert read.domains == domains
    text = (tmp_path / "best.yaml").read_text()
    assert "# Best of 2 trials: number 2, NDCG@10 30.00 %" in text
    assert "sport: hr 50.00 %, ndcg 25.00 %" in text


def test_data_of_a_python_call_have_no_path(tmp_path: Path) -> None:
    config = TrainConfig(domains=(DomainConfig("sport", "the DataFrame"),))
    write_best(tmp_path / "best.yaml", config, [trial(1, 0.1)], TuningOptions())
    assert load_config(str(tmp_path / "best.yaml")).domains == ()


def test_trials_as_text() -> None:
    trials = [trial(1, 0.1), trial(2, 0.25, rank=16)]
    tuning = TuningOptions(metric="mrr", trials=7)
    line = trial_line(trials[0], trials[1], tuning)
    assert line.startswith("trial 1 of 7: MRR 10.00 % at iteration 2 (no gain, 2 s) rank=8 rho=0.3")
    assert line.endswith("best: 25.00 %, trial 2")
    header, _, first, second = trials_text(trials, tuning).splitlines()
    assert header.split() == ["trial", "MRR", "%", "iterations", "rank", "rho"]
    assert first.split() == ["2", "25.00", "2", "16", "0.3"]
    assert second.split() == ["1", "10.00", "2", "8", "0.3"]


def test_search_without_a_trial_takes_other_options(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    TrialLog(path, {"negatives": 999})
    TrialLog(path, {"negatives": None}).add(trial(1, 0.1))
    assert len(TrialLog(path, {"negatives": None}).trials) == 1
