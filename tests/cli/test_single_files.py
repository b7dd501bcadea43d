"""Single files that jobs write: --json and --plot."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands import compare, evaluate, recommend
from cdimf_spark.results.marker import Kind, Marker
from cdimf_spark.results.single_files import check_file
from tests.support.folders import snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for table in ("runs", "blocks", "history"):
        (tmp_path / "old" / table / "_delta_log").mkdir(parents=True)
    (tmp_path / "model").mkdir()
    Marker(Kind.MODEL).write(tmp_path / "model")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "sport.csv").write_text("user,item\n")
    (tmp_path / "found.json").write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "tests" / "sport.csv")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("model/x.json", "lies inside the model"),
        ("model/user_factors/x.json", "there is no folder"),
        ("old/x.json", "which is the output of a training"),
        ("old/runs/_delta_log/x.json", "which is a table"),
        ("tests/sport.csv", "is the test set of domain 'sport'"),
        ("tests/../tests/sport.csv", "is the test set of domain 'sport'"),
        ("link.json", "is, through a link, the test set"),
        ("nowhere/x.json", "there is no folder"),
        ("tests", "contains the test set"),
    ],
)
@pytest.mark.parametrize("job", [evaluate, compare, recommend])
def test_a_file_never_takes_the_place_of_something_that_is_read(
    folder: Path, job: object, file: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json would have written over a test set, or into a model."""
    test = f"{folder}/tests/sport.csv"
    arguments = ["--model", f"{folder}/model", "--json", f"{folder}/{file}"]
    if job is recommend:
        arguments += ["--domain", "sport", "--users", test]
        words = words.replace("test set of domain 'sport'", "--users").replace(
            "test set", "--users"
        )
        words = words.replace("the --users", "--users")
    else:
        arguments += ["--test", f"sport={test}"]
    before = snapshot(folder)
    assert run(lambda: job.main(arguments)) == 2  # type: ignore[attr-defined]
    said = capsys.readouterr().err
    assert words in said
    assert said.startswith(f"error: --json {folder}/{file}") or "error: --json '" in said
    assert snapshot(folder) == before


def test_a_plain_file_is_overwritten_as_ever(folder: Path) -> None:
    inputs = {"the model": f"{folder}/model", "the test set": f"{folder}/tests/*.csv"}
    check_file(f"{folder}/found.json", "--json", inputs)
    check_file(f"{folder}/tests/found.json", "--json", inputs)
    check_file(None, "--json", inputs)
