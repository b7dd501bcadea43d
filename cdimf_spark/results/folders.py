"""May this local folder be written? It must be new, or empty, or a result of the same kind."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.marker import MARKER, Kind, Marker, is_bare, read_marker

# Spark does not see names that begin with a dot.
LOCK_FILE = ".training.lock"
# What tells that a folder above is a table, or a result, to which no other folder belongs.
_TABLE_MARKS = ("_delta_log", "_SUCCESS", MARKER)
# Models from before there were markers.
_MODEL_TABLES = ("runs", "blocks", "history")


@dataclass(frozen=True)
class Order:
    """What is to be written.

    Attributes
    ----------
    kind : Kind
    format : str
        delta, parquet or csv; empty where there is only one.
    overwrite : bool
        Replace an earlier result of the same kind.
    """

    kind: Kind
    format: str = ""
    overwrite: bool = False

    @property
    def marker(self) -> Marker:
        """The marker of the result."""
        return Marker(self.kind, self.format)

    @property
    def is_delta_table(self) -> bool:
        """Whether the result is one Delta table, which a commit replaces."""
        single = (Kind.RECOMMENDATIONS, Kind.FACTORS, Kind.EXPLANATIONS)
        return self.format == "delta" and self.kind in single


Recognise = Callable[[], bool]


def by_marker_only() -> bool:
    """What most results are known by."""
    return False


def check_folder(
    folder: Path,
    given: str,
    order: Order,
    recognise: Recognise = by_marker_only,
    whole: bool = False,
) -> None:
    """Raise ConfigurationError if a local folder may not be written.

    Parameters
    ----------
    folder : Path
        A real path: links are followed.
    given : str
        The path as its user wrote it.
    order : Order
        What is to be written.
    recognise : callable
        Tells whether a folder without a marker is a result of the kind all the same.
    whole : bool
        Whether all of it will go: else what one Delta commit replaces stays on the disk.
    """
    try:
        _refuse_above(folder, given, order.kind)
        if not os.path.lexists(folder):
            return
        if not folder.is_dir():
            raise ConfigurationError(f"output {given!r} is a file: name a new or empty folder")
        if is_bare(folder) or (order.kind is Kind.MODEL and _was_held(folder)):
            return
        if read_marker(folder) is not None or not recognise():
            _check_marked(folder, given, order, whole)
    except OSError as error:
        raise ConfigurationError(
            f"output {given!r}: {error.filename!r} cannot be looked at ({error.strerror}), so it "
            "is not sure that nothing there is harmed: name another folder"
        ) from error


def _check_marked(folder: Path, given: str, order: Order, whole: bool) -> None:
    marker = read_marker(folder)
    if marker is None:
        first = next(iter(sorted(os.listdir(folder))), "")
        raise ConfigurationError(
            f"output {given!r} has files but is not {order.kind.noun} (it has {first!r}): "
            "name an empty or new folder"
        )
    refuse_other(marker, given, order)
    if order.kind.grows:
        return
    # What others wrote to a Delta table is in its history; if that is gone, nothing is known.
    commits = order.is_delta_table and any((folder / "_delta_log").glob("[0-9]*"))
    strangers = [] if commits and not whole else marker.strangers(folder)
    if strangers:
        raise ConfigurationError(
            f"output {given!r} has {strangers[0]!r}, which is not as the command that made "
            f"{order.kind.noun} there left it: move it away, or name another folder"
        )
    if not order.overwrite:
        raise existing(given)


def refuse_other(marker: Marker, given: str, order: Order) -> None:
    """Raise ConfigurationError for a result of another kind or format."""
    if marker.kind is not order.kind:
        raise ConfigurationError(
            f"output {given!r} is {marker.kind.noun}, not {order.kind.noun}: name an empty or new "
            "folder"
        )
    if marker.format != order.format:
        raise ConfigurationError(
            f"output {given!r} has tables of the format {marker.format}: keep that format, remove "
            "them, or use another folder"
        )


def existing(given: str) -> ConfigurationError:
    """The error for a result that nobody asked to replace."""
    return ConfigurationError(
        f"output {given!r} exists: use --overwrite (in Python overwrite=True) to replace it, or "
        "another path"
    )


def _refuse_above(folder: Path, given: str, kind: Kind) -> None:
    """Refuse a folder below a file, or inside a table or another result."""
    for above in folder.parents:
        if above.exists() and not above.is_dir():
            raise ConfigurationError(
                f"output {given!r} lies below {str(above)!r}, which is a file: name a folder that "
                "can be made"
            )
        found = what_it_is(above)
        if found is None:
            continue
        if kind is Kind.MODEL and above == folder.parent and _is(above, Kind.TUNING):
            continue
        raise ConfigurationError(
            f"output {given!r} lies inside {str(above)!r}, which is {found}: name a folder "
            "outside of it"
        )


def _is(folder: Path, kind: Kind) -> bool:
    marker = read_marker(folder)
    return marker is not None and marker.kind is kind


def what_it_is(folder: Path) -> str | None:
    """Say what kind of table or result a folder is, None if it is none."""
    marker = read_marker(folder)
    if marker is not None:
        return marker.kind.noun
    if all((folder / table / "_delta_log").is_dir() for table in _MODEL_TABLES):
        return Kind.MODEL.noun
    if any((folder / name).exists() for name in _TABLE_MARKS):
        return "a table"
    return None


def _was_held(folder: Path) -> bool:
    """Whether a training was killed before it wrote anything but that it holds the folder."""
    path = folder / LOCK_FILE
    if not is_bare(folder, also=(LOCK_FILE,)) or path.is_symlink() or not path.is_file():
        return False
    text = path.read_text(encoding="utf-8", errors="replace")[:10_000]
    try:
        return not text or {"host", "process", "run_id"} <= set(json.loads(text))
    except (ValueError, TypeError):
        return False


def claim_folder(folder: Path, marker: Marker) -> None:
    """Mark a folder that was checked, before anything else is written to it."""
    folder.mkdir(parents=True, exist_ok=True)
    if read_marker(folder) is None:
        marker.write(folder)
