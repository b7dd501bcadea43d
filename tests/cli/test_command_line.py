"""Every way to end has its exit code and, for a user's error, one line on stderr."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cdimf_spark import errors
from cdimf_spark.cli.command_line import _INTERRUPTS, run
from cdimf_spark.cli.commands import (
    compare,
    evaluate,
    explain,
    export,
    fold_in,
    recommend,
    train,
    tune,
)
from cdimf_spark.cli.parser import lengths_argument, negatives_argument
from cdimf_spark.configuration.options import split_names
from cdimf_spark.distributed.failures import worker_error
from cdimf_spark.reports.evaluation_report import evaluation_table, recommendation_table


@pytest.fixture(autouse=True)
def _log_again() -> Iterator[None]:
    yield
    logging.disable(logging.NOTSET)


def fail(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigurationError("rank?"), 2),
        (errors.DataError("no file"), 3),
        (errors.OutputInUseError("busy"), 4),
        (errors.NumericalError("NaN"), 1),
    ],
)
def test_error_of_the_package(
    error: errors.CDIMFError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fail(error)) == code
    assert capsys.readouterr().err == f"error: {error}\n"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("java.io.IOException: No space left on device", 1, "no space left on the disk of the out"),
        ("Mkdirs failed to create file:/x/y", 1, "cannot write to the output: Mkdirs failed"),
        ("[FAILED_READ_FILE] /m/blocks/a.parquet", 3, "'/m/blocks/a.parquet' is damaged or gone"),
    ],
)
def test_disks_and_files_of_any_job(
    text: str, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fail(RuntimeError(text))) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    # Only a training can be resumed.
    assert "--resume" not in said


def test_an_interrupt_is_reported_once_whatever_follows_from_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def main() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            _INTERRUPTS(signal.SIGINT, None)
        raise ConnectionError("the JVM is gone")

    assert run(main, "go on with --resume") == 130
    assert capsys.readouterr().err == "error: interrupted; go on with --resume\n"


def test_success_and_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: 7) == 0
    assert run(fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_unexpected_error_is_logged_with_its_traceback(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert run(fail(ZeroDivisionError("by zero\nand more"))) == 1
    assert "error: ZeroDivisionError: by zero\n" in capsys.readouterr().err
    assert "Traceback" in caplog.text


def test_error_that_a_spark_worker_raised(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Traceback\n  File x\ncdimf_spark.errors.DataError: ids 'a' and 'b' collide\n\n\tat org"
    assert run(fail(RuntimeError(text))) == 3
    assert capsys.readouterr().err == "error: ids 'a' and 'b' collide\n"
    assert worker_error(RuntimeError("cdimf_spark.errors.Iterable: x")) is None


@pytest.mark.parametrize("job", [compare, evaluate, explain, export, fold_in, recommend])
@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--nonsense"], 2), ([], 2)])
def test_usage(
    job: ModuleType, arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lambda: job.main(arguments)) == code
    shown = capsys.readouterr()
    assert "--model DIR" in shown.out + shown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ouput", "x"], "unrecognized arguments: --ouput: did you mean '--output'?"),
        (
            ["--ouput=x", "--model", "m"],
            "unrecognized arguments: --ouput: did you mean '--output'?",
        ),
        (["--model", "m", "-k", "3"], "unrecognized arguments: -k: did you mean '--k'?"),
        # A shortened option would mean something else as soon as there is another one.
        (["--over"], "unrecognized arguments: --over: did you mean '--overwrite'?"),
        (["--sim", "x"], "unrecognized arguments: --sim: did you mean '--similar-items'?"),
        (["--zzz"], "unrecognized arguments: --zzz. --help lists all options"),
        # A value is none, even if it begins with a dash.
        (["--k", "-3"], "the following arguments are required: --model, --domain"),
    ],
    ids=str,
)
def test_misspelt_options_are_named_with_the_nearest(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lambda: recommend.main(arguments)) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "reg_param=0.5:8"),
        ([], 2, "no domain"),
        (["--domain", "a=x", "--validation", "b=y"], 2, "'b'"),
        (["--domain", "a=x", "--search", "rank=9"], 2, "write rank=LOW:HIGH"),
        (["--domain", "a=x", "--metric", "recall"], 2, "one of ndcg, hr, mrr"),
    ],
    ids=str,
)
def test_usage_of_tune(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lambda: tune.main(arguments)) == code
    shown = capsys.readouterr()
    assert said in shown.out + shown.err


def test_bridge_to_java_is_silent() -> None:
    run(lambda: None)
    assert not logging.getLogger("py4j.clientserver").isEnabledFor(logging.ERROR)
    assert logging.getLogger("cdimf_spark.distributed.training.trainer").isEnabledFor(logging.INFO)


def test_negatives_of_the_command_line() -> None:
    assert negatives_argument("all") == "all"
    assert negatives_argument("99") == 99
    with pytest.raises(argparse.ArgumentTypeError, match="neither a whole number nor 'all'"):
        negatives_argument("many")


def test_lists_of_the_command_line() -> None:
    assert lengths_argument("10") == [10]
    assert lengths_argument("5, 10,20") == [5, 10, 20]
    assert split_names("a, b") == ["a", "b"]
    for wrong in ("", "5,x", "-3"):
        with pytest.raises(argparse.ArgumentTypeError, match="no list of whole numbers"):
            lengths_argument(wrong)


def test_tables_as_text() -> None:
    metrics = {
        **{"hr": 0.5, "ndcg": 0.25, "mrr": 0.2, "coverage": 1.0, "n_test": 4, "n_skipped": 3},
        **{"unknown_user": 1, "unknown_item": 2, "n_in_train": 1},
        "sources": {"own": 3, "shared": 1, "foreign": 0},
    }
    other = {**metrics, "hr": 0.0, "n_skipped": 0, "n_in_train": 0, "sources": {"own": 4}}
    result = {"k": 5, "negatives": 99, "seed": 3, "domains": {"a": metrics, "b": other}}
    text = evaluation_table(result)
    assert "99 drawn items (seed 3)" in text
    assert "HR@5" in text
    assert "a: 3 test rows skipped (1 with a user whom no domain knows, 2 with an item" in text
    assert "a: 1 test row also in train" in text
    assert "a: 1 test row of users known from other domains only" in text
    mean = next(line for line in text.splitlines() if line.split()[0] == "mean")
    assert mean.split()[1:] == ["25.00", "25.00", "20.00", "100.00"]
    assert "all items" in evaluation_table({**result, "negatives": "all"})
    small = {**result, "domains": {"a": {**metrics, "negatives": "all"}, "b": other}}
    text = evaluation_table(small)
    assert "99 drawn items (seed 3), but all items of a\n" in text
    # Numbers of two protocols have no mean.
    assert "mean" not in text
    row = {"user_id": "u", "rank": 1, "item_id": "i", "score": 0.5, "source": "own"}
    titles, _, line = recommendation_table([row], 1).splitlines()
    assert titles.split() == ["user", "rank", "item", "score", "factors", "from"]
    assert line.split() == ["u", "1", "i", "0.500", "own"]
    assert "1 list shorter than 2" in recommendation_table([row], 2)


def test_a_training_says_why_it_has_no_overwrite(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.parse_arguments(["--domain", "a=a.csv", "--overwrite"])
    assert "a finished training replaces the model in its output folder" in capsys.readouterr().err


def test_a_configuration_without_domains_is_no_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It trained the demonstration, in the place of the model in the output folder."""
    path = tmp_path / "a.yaml"
    path.write_text("rank: 3\n")
    monkeypatch.setattr(train, "job_session", lambda name: None)
    with pytest.raises(errors.ConfigurationError, match="no domain"):
        train.main(["--config", str(path)])
