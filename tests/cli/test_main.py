"""The console command, and the thin jobs that it shares its code with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cdimf_spark import __version__
from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.main import main
from cdimf_spark.cli.program import COMMANDS, CONSOLE, JOB
from cdimf_spark.configuration.shipped import settings_folder
from cdimf_spark.errors import DataError
from tests.conftest import ROOT

JOBS = sorted((ROOT / "jobs").glob("*.py"))


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in (*COMMANDS.values(), "plan", "conf"):
        assert f"\n  {command} " in shown


@pytest.mark.parametrize("command", COMMANDS.values())
def test_help_of_a_command_speaks_of_the_console(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: cdimf {command} ")
    assert f"  cdimf {command} " in shown
    assert "jobs/" not in shown
    assert "spark-submit" not in shown


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: cdimf" in capsys.readouterr().out


def test_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian", "--output", "x"]) == 2
    assert "no command 'trian': did you mean 'train'?" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cdimf_spark {__version__}\n"


def test_a_plan_needs_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "users=1000", "items=100", "interactions=5000"]) == 0
    assert "driver" in capsys.readouterr().out


def test_an_error_of_a_command_has_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "usres=1000"]) == 2
    assert "did you mean 'users'" in capsys.readouterr().err


def test_results_name_the_commands_that_the_user_has() -> None:
    text = "next: spark-submit --properties-file conf/local.conf jobs/fold_in.py --model m"
    assert CONSOLE.words(text) == "next: cdimf fold-in --model m"
    assert JOB.words(text) == text


def test_settings_are_written_whole_and_name_one_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my settings"
    assert main(["conf", "--write", str(folder)]) == 0
    # What is of no use without the repository stays there.
    shipped = {path.name for path in (ROOT / "conf").iterdir() if path.suffix != ".sh"}
    assert {path.name for path in folder.iterdir()} == shipped
    assert not [path for path in folder.iterdir() if "jobs/" in path.read_text()]
    assert f"configurationFile={folder}/log4j2.properties" in (folder / "local.conf").read_text()
    assert "local.conf" in capsys.readouterr().out


def test_settings_overwrite_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "local.conf").write_text("mine")
    assert main(["conf", "--write", str(tmp_path)]) == 2
    assert "local.conf would be overwritten" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_the_settings_of_the_package_are_those_of_the_repository() -> None:
    assert settings_folder().resolve() == ROOT / "conf"


def test_every_job_has_its_command() -> None:
    assert [path.stem for path in JOBS] == sorted(COMMANDS)


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_jobs_are_thin_and_can_be_run(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 15
    assert lines[0] == "#!/usr/bin/env python3"
    # Of the user, the group and everybody.
    assert path.stat().st_mode & 0o111 == 0o111


def test_without_spark_a_command_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pyspark'] = None\n"
        "from cdimf_spark.cli.main import main\n"
        "sys.exit(main(['train']))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: cdimf train needs Spark: pip install pyspark==")
    assert ended.stderr.count("\n") == 1


def test_errors_name_commands_as_the_user_started_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Who has the wheel alone was told to run a file that is not in it."""

    def fail() -> None:
        raise DataError("no model: train one (jobs/train_cdimf.py --output DIR)")

    run(fail, program=CONSOLE)
    assert "train one (cdimf train --output DIR)" in capsys.readouterr().err
