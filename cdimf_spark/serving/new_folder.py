"""Folders that appear complete or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdimf_spark.errors import ConfigurationError


def check_target(path: str | Path, overwrite: bool, mark: str) -> Path:
    """Return the path of a folder that may be written.

    Parameters
    ----------
    overwrite
        Replace a folder that is there.
    mark
        Name of a file that tells a folder of this kind: nothing else is ever replaced.

    Raises
    ------
    ConfigurationError
        If there is something at the path that must not be replaced, or the path has a scheme.
    """
    if "://" in str(path):
        raise ConfigurationError(
            f"output {str(path)!r}: arrays are written to a local folder, from which they can be "
            "mapped into memory. Name one, and copy it wherever you like"
        )
    target = Path(path)
    if not target.exists() and not target.is_symlink():
        return target
    if not (target / mark).is_file():
        raise ConfigurationError(
            f"output {str(path)!r} exists and is not an export: name a new folder"
        )
    if not overwrite:
        raise ConfigurationError(
            f"output {str(path)!r} exists: use --overwrite to replace it, or another path"
        )
    return target


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to write to, which becomes `target` at the end; nothing is left of a failure.

    A folder that is already there is moved aside for the moment of the exchange and then removed.
    Processes that have mapped its files keep them.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    scratch.mkdir()
    try:
        yield scratch
        _replace(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _replace(scratch: Path, target: Path) -> None:
    if not target.exists():
        os.rename(scratch, target)
        return
    aside = target.with_name(f"{scratch.name}.old")
    os.rename(target, aside)
    try:
        os.rename(scratch, target)
    except OSError:
        os.rename(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)
