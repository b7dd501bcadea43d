"""One training at a time writes to an output folder of this machine, by a lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cdimf_spark.distributed.output import local_lock as local_lock_module
from cdimf_spark.distributed.output.local_lock import local_lock
from cdimf_spark.errors import ConfigurationError, OutputInUseError
from cdimf_spark.results.folders import LOCK_FILE
from tests.conftest import ROOT

HOLD_AND_START_A_CHILD = """
    import subprocess, sys, time
    from pathlib import Path
    from cdimf_spark.distributed.output.local_lock import local_lock
    with local_lock(Path(sys.argv[1])) as lock:
        lock.name("run-7")
        child = subprocess.Popen(["sleep", "30"], close_fds=False, stdout=subprocess.DEVNULL)
        print(child.pid, flush=True)
        time.sleep(30)
"""


@contextmanager
def other_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds a folder, and has a child that outlives it."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD_AND_START_A_CHILD), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        yield process, child
    finally:
        process.kill()
        process.communicate()
        os.kill(child, signal.SIGKILL)


def test_a_locked_folder_is_refused_until_its_holder_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_lock_module, "_SETTLE_SECONDS", 0.0)
    with other_process(tmp_path) as (process, _):
        named = rf"holds .*: run run-7, process {process.pid} of user \w+ on host .*, since 20"
        with pytest.raises(OutputInUseError, match=named), local_lock(tmp_path):
            pass
        process.kill()
        process.wait()
        assert json.loads((tmp_path / LOCK_FILE).read_text())["process"] == process.pid
        with local_lock(tmp_path) as lock:
            lock.check()
            assert json.loads((tmp_path / LOCK_FILE).read_text())["process"] == os.getpid()
    assert not (tmp_path / LOCK_FILE).exists()


def test_two_threads_are_two_trainings(tmp_path: Path) -> None:
    entered = []

    def hold(folder: Path) -> None:
        try:
            with local_lock(folder):
                entered.append(True)
                time.sleep(0.2)
        except OutputInUseError:
            entered.append(False)

    threads = [threading.Thread(target=hold, args=(tmp_path / "new",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entered) == [False] * 7 + [True]
    # Which of them made the folder is chance; that no file is left in it is not.
    assert not list(tmp_path.glob("new/*"))


def test_a_folder_in_which_nothing_was_written_is_removed(tmp_path: Path) -> None:
    with local_lock(tmp_path / "new"):
        assert (tmp_path / "new" / LOCK_FILE).exists()
    assert not (tmp_path / "new").exists()
    (tmp_path / "there").mkdir()
    with local_lock(tmp_path / "there"):
        pass
    assert (tmp_path / "there").exists()


def test_a_lock_whose_file_was_removed_is_lost(tmp_path: Path) -> None:
    with local_lock(tmp_path) as lock:
        (tmp_path / LOCK_FILE).unlink()
        with local_lock(tmp_path), pytest.raises(OutputInUseError, match="somebody removed"):
            lock.check()
        with pytest.raises(OutputInUseError, match="somebody removed"):
            lock.check()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigurationError, match="cannot write to the output folder"),
        local_lock(tmp_path / "file"),
    ):
        pass


def test_a_folder_that_never_appears_is_no_endless_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """As below /proc, where making a folder says that there is none."""

    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(ConfigurationError, match="cannot write to the output folder '/nowhere/m'"),
        local_lock(Path("/nowhere/m")),
    ):
        pass
