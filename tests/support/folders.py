"""Trees of files as they are, byte by byte."""

from __future__ import annotations

import os
from pathlib import Path

Snapshot = dict[str, bytes | str | None]


def snapshot(root: Path) -> Snapshot:
    """Contents of files, targets of links, None for folders; by path below the root."""
    found: Snapshot = {}
    for at, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(at, name)
            key = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[key] = os.readlink(path)
            else:
                found[key] = None if path.is_dir() else path.read_bytes()
    return found
