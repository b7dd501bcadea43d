"""Results appear complete or not at all, and a crash leaves the earlier or the new one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cdimf_spark.errors import ConfigurationError, StorageError
from cdimf_spark.results import replacing
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import MARKER, Kind, read_marker
from cdimf_spark.results.places import input_places, place_of, working_folder
from cdimf_spark.results.replacing import check_output, new_result
from tests.conftest import ROOT
from tests.support.folders import snapshot

ARRAYS = Order(Kind.ARRAYS)
AGAIN = Order(Kind.ARRAYS, overwrite=True)


def check(target: Path, order: Order, *inputs: str) -> Path:
    here = working_folder()
    named = [("the input", place) for path in inputs for place in input_places(path, here)]
    return check_output(place_of(str(target), here), order, named)


def write(target: Path, order: Order = ARRAYS, text: str = "1", fail: bool = False) -> None:
    with new_result(check(target, order), str(target), order) as folder:
        (folder / "deep").mkdir(parents=True)
        (folder / "a.npy").write_text(text)
        (folder / "deep" / "b.npy").write_text(text)
        if fail:
            raise RuntimeError("disk full")


@pytest.fixture(params=["one step", "two steps"])
def _exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without a system that can exchange two folders."""
    if request.param == "two steps":
        monkeypatch.setattr(replacing, "_exchange", lambda one, other: False)


@pytest.mark.usefixtures("_exchange")
def test_folder_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "export"
    with pytest.raises(RuntimeError):
        write(target, fail=True)
    assert list(tmp_path.iterdir()) == []
    write(target)
    with pytest.raises(ConfigurationError, match="exists: use --overwrite"):
        write(target)
    opened = (target / "a.npy").open()
    before = snapshot(tmp_path)
    with pytest.raises(RuntimeError):
        write(target, AGAIN, "2", fail=True)
    assert snapshot(tmp_path) == before
    write(target, AGAIN, "2")
    assert [path.name for path in target.parent.iterdir()] == ["export"]
    assert (target / "deep" / "b.npy").read_text() == "2"
    # Who has a file of the earlier result open keeps it.
    assert opened.read() == "1"
    opened.close()
    shutil.rmtree(target)
    target.mkdir()
    write(target)
    assert (target / "a.npy").exists()


def test_a_file_that_somebody_put_into_a_result_is_not_deleted(tmp_path: Path) -> None:
    """Replacing an export removed whatever else lay in its folder."""
    write(tmp_path / "export")
    for name in ("notes.txt", "deep/notes.txt", f"{MARKER}/notes.txt", "folder"):
        path = tmp_path / "export" / name
        path.mkdir() if name == "folder" else path.write_text("years of work")
        before = snapshot(tmp_path)
        with pytest.raises(ConfigurationError, match=r"as the command that|not an exp"):
            write(tmp_path / "export", AGAIN)
        assert snapshot(tmp_path) == before
        path.rmdir() if name == "folder" else path.unlink()
    (tmp_path / "export" / "a.npy").write_text("edited by hand")
    with pytest.raises(ConfigurationError, match=r"'a\.npy', which is not as the command that"):
        write(tmp_path / "export", AGAIN)


@pytest.mark.usefixtures("_exchange")
def test_something_that_appears_while_the_result_is_written(tmp_path: Path) -> None:
    target = tmp_path / "export"

    def write_late() -> None:
        with new_result(check(target, AGAIN), str(target), AGAIN) as folder:
            folder.mkdir()
            target.mkdir()
            (target / "notes.txt").write_text("years of work")

    with pytest.raises(ConfigurationError, match="has files but is not an export"):
        write_late()
    assert snapshot(tmp_path) == {"export": None, "export/notes.txt": b"years of work"}


def test_another_kind_of_result_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "export")
    for order, words in (
        (Order(Kind.PREPARED, "csv", True), "is an export, not a prepared data set"),
        (Order(Kind.MODEL), "is an export, not the output of a training"),
        (Order(Kind.ARRAYS, "csv", True), "has tables of the format"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            check(tmp_path / "export", order)
    with pytest.raises(ConfigurationError, match="which is an export: name a folder outside"):
        check(tmp_path / "export" / "lists", Order(Kind.RECOMMENDATIONS, "delta"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="is a file"):
        check(tmp_path / "file", ARRAYS)
    with pytest.raises(ConfigurationError, match=r"lies below .*file', which is a file"):
        check(tmp_path / "file" / "x" / "y", ARRAYS)


def test_a_folder_without_right_to_write_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write to '/proc', where the output"):
        write(Path("/proc/export"))


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from cdimf_spark.results import replacing
    from tests.results.test_replacing import AGAIN, write
    if sys.argv[2] == "between":
        rename, calls = os.rename, []
        def killed(one, other):
            rename(one, other)
            os.kill(os.getpid(), signal.SIGKILL)
        replacing._exchange = lambda one, other: False
        replacing.os.rename = killed
    elif sys.argv[2] == "before":
        replacing._put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    else:
        replacing._remove = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    write(Path(sys.argv[1]), AGAIN, "2")
"""


@pytest.mark.parametrize(("point", "kept"), [("before", "1"), ("between", "1"), ("after", "2")])
def test_a_killed_run_leaves_a_result_and_nothing_that_stays(
    tmp_path: Path, point: str, kept: str
) -> None:
    target = tmp_path / "export"
    write(target)
    (tmp_path / ".export.cdimf_spark-01234567").mkdir()
    (tmp_path / ".export.cdimf_spark-01234567" / "lock").write_text("of somebody else")
    code = textwrap.dedent(KILLED)
    done = subprocess.run([sys.executable, "-c", code, str(target), point], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert len(list(tmp_path.glob(".export.cdimf_spark-*"))) == 2
    check(target, AGAIN)
    assert (target / "deep" / "b.npy").read_text() == kept
    assert read_marker(target) is not None
    # What only looks like a leftover stays.
    left = [path.name for path in tmp_path.glob(".export.cdimf_spark-*")]
    assert left == [".export.cdimf_spark-01234567"]


def test_what_a_living_run_writes_is_not_cleared(tmp_path: Path) -> None:
    target = tmp_path / "export"
    with new_result(check(target, ARRAYS), str(target), ARRAYS) as folder:
        folder.mkdir()
        (folder / "a.npy").write_text("1")
        check(target, ARRAYS)
        assert (folder / "a.npy").exists()
    assert (target / "a.npy").read_text() == "1"
