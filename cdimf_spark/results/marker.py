"""The marker of a result: what kind of result a folder holds, and which files are ours.

It is the file ``_cdimf_spark/marker.json`` in the folder. Spark and Delta pass over names that
begin with an underscore, so the folder still reads as the table that it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Self

MARKER = "_cdimf_spark"
_FILE = "marker.json"
_PACKAGE = "cdimf_spark"


class Kind(Enum):
    """Kinds of results, and what messages call them."""

    MODEL = "model", "the output of a training"
    TUNING = "tuning", "the output of a tuning"
    PREPARED = "prepared", "a prepared data set"
    RECOMMENDATIONS = "recommendations", "an output of recommend.py"
    FACTORS = "factors", "an output of fold_in.py"
    EXPLANATIONS = "explanations", "an output of explain.py"
    ARRAYS = "arrays", "an export"
    INDEX = "index", "an export of index tables"

    def __init__(self, word: str, noun: str) -> None:
        self.word, self.noun = word, noun

    @property
    def grows(self) -> bool:
        """Whether the next run goes on in the same folder, and deletes nothing but its own rows."""
        return self in (Kind.MODEL, Kind.TUNING)


@dataclass(frozen=True)
class Marker:
    """What a marker says.

    Attributes
    ----------
    kind : Kind
    format : str
        Format of its tables; empty where there is only one.
    files : mapping of str to int
        Sizes of the files by their paths in the folder; empty if the folder is never replaced.
    """

    kind: Kind
    format: str = ""
    files: Mapping[str, int] = field(default_factory=dict)

    def with_files(self, folder: Path) -> Self:
        """The marker of what is in a folder now."""
        sizes = {name: size for name, size in _entries(folder) if size is not None}
        return replace(self, files=sizes)

    def to_json(self) -> str:
        """Return it as text."""
        entries = {"package": _PACKAGE, "kind": self.kind.word, "format": self.format}
        return json.dumps({**entries, "files": dict(sorted(self.files.items()))})

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Read it, None if the text is something else."""
        try:
            found: Any = json.loads(text)
            if found["package"] != _PACKAGE:
                return None
            kind = next(kind for kind in Kind if kind.word == found["kind"])
            return cls(
                kind, str(found["format"]), {str(k): int(v) for k, v in found["files"].items()}
            )
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
            return None

    def write(self, folder: Path) -> None:
        """Write it to a local folder; it is there whole or not at all."""
        path = folder / MARKER / _FILE
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f".{_FILE}")
        temporary.write_text(self.to_json() + "\n", encoding="utf-8")
        os.replace(temporary, path)

    def strangers(self, folder: Path) -> list[str]:
        """What is in a folder and not ours, or no longer as we wrote it."""
        return [
            name for name, size in _entries(folder) if size is None or self.files.get(name) != size
        ]


def read_marker(folder: Path) -> Marker | None:
    """Read the marker of a local folder, which Spark may have written; None if there is none."""
    texts = []
    for name in _names(folder / MARKER):
        path = folder / MARKER / name
        if not name.startswith((".", "_")) and path.is_file():
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
    return Marker.from_json(texts[0]) if len(texts) == 1 else None


def is_bare(folder: Path, also: Iterable[str] = ()) -> bool:
    """Tell whether a folder has at most a marker that was never finished, and files of `also`."""
    names = _names(folder)
    return not set(names) - {MARKER, *also} and all(
        name == f".{_FILE}" for name in (_names(folder / MARKER) if MARKER in names else ())
    )


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _entries(folder: Path, below: str = "") -> Iterator[tuple[str, int | None]]:
    """Files with sizes; None as the size of what is no plain file, or of an empty folder."""
    entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
    # Delta makes an empty folder in its log when a table is read.
    if below and not entries and below.split("/")[-2:-1] != ["_delta_log"]:
        yield below, None
    for entry in entries:
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(folder, name)
        elif name != f"{MARKER}/{_FILE}":
            plain = entry.is_file(follow_symlinks=False)
            yield name, entry.stat(follow_symlinks=False).st_size if plain else None
