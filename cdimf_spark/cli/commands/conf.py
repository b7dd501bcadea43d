"""``cdimf conf``: Spark's settings and the example configurations, written where one wants them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cdimf_spark.cli.program import Program
from cdimf_spark.configuration.shipped import settings_folder
from cdimf_spark.errors import ConfigurationError

# In the files, others of them are named relative to the repository.
_HERE = "conf/"


def write_settings(arguments: Sequence[str], program: Program) -> int:
    """Write the files that ship with the package into a folder; return the exit code.

    Raises
    ------
    ConfigurationError
        If one of the files is there already, or the folder cannot be written to.
    """
    parser = argparse.ArgumentParser(
        prog="cdimf conf", description=__doc__.split(": ", 1)[1] if __doc__ else None
    )
    parser.add_argument("--write", metavar="DIR", required=True, help="an existing or new folder")
    folder = Path(parser.parse_args(arguments).write)
    # The archive of classes is made of the repository's jobs.
    files = sorted(path for path in settings_folder().iterdir() if path.suffix != ".sh")
    _refuse_existing(folder, [path.name for path in files])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in files:
            text = path.read_text(encoding="utf-8")
            # The files name one another by where they are now.
            text = program.words(text.replace(_HERE, f"{folder.absolute()}/"))
            (folder / path.name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--write {folder}: {error.strerror}") from error
    program.say(_written(folder, [path.name for path in files]))
    return 0


def _refuse_existing(folder: Path, names: Sequence[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"--write {folder} is a file: name an existing or a new folder")
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise ConfigurationError(
            f"--write {folder}: {', '.join(there)} would be overwritten: name another folder, or "
            "remove them"
        )


def _written(folder: Path, names: Sequence[str]) -> str:
    return (
        f"written to {folder}: {', '.join(names)}\n"
        f"spark-submit --properties-file {folder / 'local.conf'} YOUR_PROGRAM.py takes them from "
        f"there, as does build_session({str(folder / 'local.conf')!r}) in Python"
    )
