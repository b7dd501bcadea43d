"""The last line of a job that fails is its own, whatever else was running."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.support.helpers import random_domains
from tests.support.standalone import submit, submit_environment

LOCAL = ["--properties-file", "conf/local.conf", "--conf", "spark.driver.memory=1g"]
LOCAL += ["--conf", "spark.master=local[2]"]
BUSY = ROOT / "tests" / "support" / "busy_job.py"


@pytest.mark.slow
def test_an_error_while_tasks_run(tmp_path: Path) -> None:
    done = submit(BUSY, ["error", str(tmp_path)], LOCAL)
    assert done.stdout.splitlines()[-1] == "error: the rows are bad"
    assert done.returncode == 3


@pytest.mark.long
def test_an_interrupt_while_tasks_run(tmp_path: Path) -> None:
    with subprocess.Popen(
        ["spark-submit", *LOCAL, str(BUSY), "interrupt", str(tmp_path)],
        cwd=ROOT,
        env=submit_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "ready\n":
                # As a terminal does it: the JVM gets the signal, too.
                os.killpg(process.pid, signal.SIGINT)
                break
        said = process.stdout.read()
    assert said == "error: interrupted; go on with --resume\n"
    assert process.returncode == 130


@pytest.mark.long
def test_a_damaged_file_of_an_input(tmp_path: Path) -> None:
    frames = random_domains(np.random.default_rng(0), names=("books", "films"))
    frames["books"].to_csv(tmp_path / "books.csv", index=False)
    films = tmp_path / "films"
    films.mkdir()
    for number in range(4):
        frames["films"][number::4].to_parquet(films / f"{number}.parquet")
    damaged = films / "2.parquet"
    content = bytearray(damaged.read_bytes())
    # The footer, which says what is where, stays whole: the error comes from a task.
    third = len(content) // 3
    content[4:third] = b"\xff" * (third - 4)
    damaged.write_bytes(content)
    arguments = ["--domain", f"books={tmp_path / 'books.csv'}", "--domain", f"films={films}"]
    done = submit("jobs/train_cdimf.py", [*arguments, "--output", str(tmp_path / "model")], LOCAL)
    last = done.stdout.splitlines()[-1]
    assert last.startswith("error: domain ")
    assert f"cannot read '{damaged}': damaged" in last
    assert done.returncode == 3
    assert not (tmp_path / "model").exists()
