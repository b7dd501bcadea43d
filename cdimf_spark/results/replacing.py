"""Folders that appear complete or not at all, in the place of an earlier one or of none.

A result is written to a scratch folder beside its target, ``.NAME.cdimf_spark-01234567``, and then
takes the target's place: in one step where the system can exchange two folders, else in two, of
which the next run takes back the first should a crash come between. A scratch folder is locked
while its process lives; what a killed one left is removed by the next run with the same target.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cdimf_spark.errors import ConfigurationError, StorageError
from cdimf_spark.results.folders import Order, Recognise, by_marker_only, check_folder
from cdimf_spark.results.overlaps import Named, refuse_overlap
from cdimf_spark.results.places import Place, place_of, resolved, working_folder

_LOCK, _NEW, _OLD = "lock", "new", "old"
_SIGN = b"scratch folder of cdimf_spark\n"
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux
_CURRENT_FOLDER = -100  # AT_FDCWD
# Of long names only so much is repeated, as a file system takes 255 bytes.
_LONGEST = 200


def check_output(
    output: Place, order: Order, inputs: Iterable[Named], recognise: Recognise = by_marker_only
) -> Path:
    """Check an output of this machine before any work, and return its real path.

    Parameters
    ----------
    output : Place
        A local place.
    order : Order
        What is to be written.
    inputs : iterable of (str, Place)
        What is read: see `refuse_overlap`.
    recognise : callable
        Tells whether a folder without a marker is a result of the kind all the same.

    Raises
    ------
    ConfigurationError
        The output is not new, empty, or a result of the same kind that may be replaced; or it is,
        contains, or lies inside something that is read.
    """
    refuse_overlap(output, inputs)
    folder = Path("/", *resolved(output).parts)
    clear_leftovers(folder)
    check_folder(folder, output.given, order, recognise)
    return folder


def local_place(path: str, order: Order) -> Place:
    """Place of an output that this process writes itself.

    Raises
    ------
    ConfigurationError
        If the path belongs to another store.
    """
    place = place_of(path, working_folder())
    if place.local is None:
        raise ConfigurationError(
            f"output {path!r}: {order.kind.noun} is written to a local folder: name one, and copy "
            "it wherever you like"
        )
    return place


@contextmanager
def new_result(target: Path, given: str, order: Order) -> Iterator[Path]:
    """Give the path of a folder to write, which becomes `target` at the end.

    Nothing is left of a failure. Processes that have opened files of an earlier result keep them.

    Parameters
    ----------
    target : Path
        Real path of a folder that was checked (`check_folder`); it is checked once more.
    given : str
        The path as its user wrote it.
    order : Order
        What is written.

    Raises
    ------
    ConfigurationError
        If something else has appeared at the target meanwhile.
    StorageError
        If the folder beside which the result belongs cannot be written.
    """
    clear_leftovers(target)
    made = _make_parents(target.parent, given)
    try:
        with _scratch(target, given) as scratch:
            yield scratch / _NEW
            order.marker.with_files(scratch / _NEW).write(scratch / _NEW)
            _put(scratch, target, given, order)
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def clear_leftovers(target: Path) -> None:
    """Remove what killed runs left beside a target; bring back an earlier result that one held."""
    name = re.compile(rf"{re.escape(_prefix(target))}[0-9a-f]{{8}}")
    with contextlib.suppress(OSError):
        for path in [Path(entry) for entry in os.scandir(target.parent) if entry.is_dir()]:
            if name.fullmatch(path.name) and not path.is_symlink():
                _clear(path, target)


def _clear(scratch: Path, target: Path) -> None:
    try:
        descriptor = os.open(scratch / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.pread(descriptor, len(_SIGN), 0) != _SIGN:
            return
        if (scratch / _OLD).is_dir() and not os.path.lexists(target):
            os.rename(scratch / _OLD, target)
        _remove(scratch)
    except OSError:
        # Its process lives.
        return
    finally:
        os.close(descriptor)


def _prefix(target: Path) -> str:
    return f".{os.fsencode(target.name)[:_LONGEST].decode(errors='ignore')}.cdimf_spark-"


def _make_parents(folder: Path, given: str) -> list[Path]:
    """Make a folder and those above it; return those that were not there, innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _closed(given, folder, error) from error
    return missing


@contextmanager
def _scratch(target: Path, given: str) -> Iterator[Path]:
    path = target.with_name(f"{_prefix(target)}{uuid.uuid4().hex[:8]}")
    try:
        path.mkdir()
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _closed(given, target.parent, error) from error
    try:
        # A disk without locks protects nobody, and nobody clears anything there.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, _SIGN)
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def _remove(scratch: Path) -> None:
    """Remove a scratch folder; its lock last, so that what must stay is still known as ours."""
    for name in (_NEW, _OLD):
        shutil.rmtree(scratch / name, ignore_errors=True)
    if os.listdir(scratch) == [_LOCK]:
        (scratch / _LOCK).unlink()
        scratch.rmdir()


def _closed(given: str, folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot write to {str(folder)!r}, where the output {given!r} is made before it gets its "
        f"name: {error.strerror}. Make it writable, or name another output"
    )


def _put(scratch: Path, target: Path, given: str, order: Order) -> None:
    """Let the new folder take the place of the old one, if that is still what it was."""
    check_folder(target, given, order, whole=True)
    new = scratch / _NEW
    if not (target.is_dir() and os.listdir(target)):
        try:
            os.rename(new, target)
            return
        except OSError as error:
            raise _appeared(given, error) from error
    if _exchange(new, target):
        try:
            check_folder(new, given, Order(order.kind, order.format, True), whole=True)
        except ConfigurationError:
            _exchange(new, target)
            raise
        return
    os.rename(target, scratch / _OLD)
    try:
        os.rename(new, target)
    except OSError:
        os.rename(scratch / _OLD, target)
        raise


def _appeared(given: str, error: OSError) -> Exception:
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
        return ConfigurationError(
            f"output {given!r} was made by somebody else in the meantime: name another folder"
        )
    if error.errno in (errno.EBUSY, errno.EXDEV):
        return ConfigurationError(
            f"output {given!r} is the root of a disk, which no folder can replace: name a folder "
            "below it"
        )
    return error


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system has none."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    done = rename(_CURRENT_FOLDER, paths[0], _CURRENT_FOLDER, paths[1], _EXCHANGE)
    return bool(done == 0)
