"""Exclusive use of a folder on a local disk: a lock of the operating system on a file in it.

The kernel releases the lock when the process ends, however it ends; nobody has to unlock anything.
The descriptor is not inherited, so a Java or Python process that outlives its driver does not keep
the lock. The file says who holds it; it is removed at the end of a training, but one that a killed
training left behind is only a file, and does not stop the next.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cdimf_spark.distributed.output.holder import Holder
from cdimf_spark.errors import ConfigurationError, OutputInUseError
from cdimf_spark.results.folders import LOCK_FILE

# The Java process of a killed driver ends a little later (within a second, measured), and what it
# was committing is visible by then.
_SETTLE_SECONDS = 2.0
# A folder that a holder removes is there at the next attempt; one that cannot be made never is.
_ATTEMPTS = 100


class LocksUnsupportedError(Exception):
    """The file system has no locks."""


@dataclass
class LocalLock:
    """A lock that is held."""

    folder: Path
    descriptor: int
    claim: int = 0
    holder: Holder = field(default_factory=Holder)

    def name(self, run_id: str) -> None:
        """Write down which run this is."""
        self.holder = replace(self.holder, run_id=run_id)
        text = json.dumps(self.holder.to_dict()).encode()
        os.pwrite(self.descriptor, text, 0)
        os.ftruncate(self.descriptor, len(text))

    def check(self) -> None:
        """Make sure that nobody has removed the file, which would let others in."""
        if not _same_file(self.folder / LOCK_FILE, self.descriptor):
            raise OutputInUseError(
                f"somebody removed {str(self.folder / LOCK_FILE)!r} during the training, so that "
                "another one may write to the folder: this one stops. Go on with --resume"
            )


@contextmanager
def local_lock(folder: Path) -> Iterator[LocalLock]:
    """Hold a folder, which is made if it is not there.

    Raises
    ------
    OutputInUseError
        If another training holds it; the message says which.
    ConfigurationError
        If the folder cannot be written to.
    LocksUnsupportedError
        If the file system has no locks.
    """
    path, made = folder / LOCK_FILE, not folder.exists()
    descriptor = _open_locked(path)
    lock = LocalLock(folder, descriptor)
    try:
        if os.fstat(descriptor).st_size:
            time.sleep(_SETTLE_SECONDS)
        lock.name("")
        yield lock
    finally:
        if _same_file(path, descriptor):
            path.unlink()
        os.close(descriptor)
        if made:
            # Of a training that ended before it wrote anything nothing stays, unless another one
            # that was refused at the same moment had made the folder: then it stays, empty.
            with contextlib.suppress(OSError):
                folder.rmdir()


def _open_locked(path: Path) -> int:
    """Open the lock file and lock it; again, if its holder removed it meanwhile."""
    for attempt in range(_ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o664)
        except OSError as error:
            # Its holder has just removed an empty folder; or there can be no such folder.
            if isinstance(error, FileNotFoundError) and attempt < _ATTEMPTS - 1:
                continue
            raise ConfigurationError(
                f"cannot write to the output folder {str(path.parent)!r}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held_by = _read(descriptor)
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise held_by.refusal(str(path.parent)) from None
            raise LocksUnsupportedError(str(path)) from error
        if _same_file(path, descriptor):
            return descriptor
        os.close(descriptor)
    raise ConfigurationError(f"the output folder {str(path.parent)!r} vanishes again and again")


def _read(descriptor: int) -> Holder:
    """Who wrote the file; the lock may be a moment older than its text."""
    try:
        values = json.loads(os.pread(descriptor, 10_000, 0))
    except ValueError:
        values = {}
    return Holder.from_dict(values)


def _same_file(path: Path, descriptor: int) -> bool:
    mine = os.fstat(descriptor)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
