"""What a reader sees of a Delta table: read from its files, without Spark or Delta."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

# Names of runs and times are never equal between two trainings.
_NOT_COMPARED = ("run_id", "seconds")


def live_files(table: Path) -> dict[str, dict[str, str]] | None:
    """Data files of the newest version, with their partition values; None if there is none."""
    log = sorted((table / "_delta_log").glob("[0-9]*.json"))
    if not log:
        return None
    assert [int(file.stem) for file in log] == list(range(len(log))), f"a gap in {table}"
    files: dict[str, dict[str, str]] = {}
    for action in (json.loads(line) for file in log for line in file.read_text().splitlines()):
        if "add" in action:
            files[unquote(action["add"]["path"])] = action["add"]["partitionValues"]
        if "remove" in action:
            files.pop(unquote(action["remove"]["path"]), None)
    return files


def orphans(table: Path) -> int:
    """Number of data files that no commit ever named."""
    named = "".join(file.read_text() for file in (table / "_delta_log").glob("[0-9]*.json"))
    return sum(file.name not in named for file in table.rglob("*.parquet"))


def read_rows(table: Path) -> list[dict[str, Any]] | None:
    """All rows of the newest version."""
    files = live_files(table)
    if files is None:
        return None
    rows = []
    for name, partition in files.items():
        rows += [partition | row for row in pq.ParquetFile(table / name).read().to_pylist()]
    return rows


def digest(rows: list[dict[str, Any]] | None) -> str | None:
    """One number for the content of rows, in any order."""
    if rows is None:
        return None
    kept = ({k: v for k, v in row.items() if k not in _NOT_COMPARED} for row in rows)
    lines = sorted(repr(sorted(row.items())) for row in kept)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
