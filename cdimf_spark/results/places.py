"""Where paths lie, however they are written, and whether two of them overlap.

A path is read as Spark reads it: ``..`` is taken out before the file system sees it, ``s3`` and
``s3a`` are one store, and a path without a scheme belongs to the default file system.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

LOCAL = "file"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/]*))?(.*)", re.DOTALL)
_ALIASES = {"s3a": "s3", "s3n": "s3", "wasbs": "wasb", "abfss": "abfs"}
_WILD = re.compile(r"[*?\[{]")
# A pattern of more alternatives than this counts as everything below its first folder.
_MOST_ALTERNATIVES = 1000


@dataclass(frozen=True)
class Place:
    """A path without ambiguity.

    Attributes
    ----------
    store : str
        ``file``, or scheme and authority: ``s3://bucket``, ``hdfs://name:8020``.
    parts : tuple of str
        Names from the root of the store on.
    given : str
        The path as its user wrote it.
    root : str
        The root of the store as this path names it: ``s3a://bucket``.
    """

    store: str
    parts: tuple[str, ...]
    given: str
    root: str = f"{LOCAL}:"

    @property
    def uri(self) -> str:
        """The path with its scheme, as Spark takes it."""
        return "/".join((self.root, *self.parts)) if self.parts else f"{self.root}/"

    @property
    def local(self) -> Path | None:
        """The path on this machine, None if it is in another store."""
        return Path("/", *self.parts) if self.store == LOCAL else None


def working_folder() -> Place:
    """The place that relative paths of this process start from."""
    here = Path.cwd()
    return Place(LOCAL, here.parts[1:], str(here))


def place_of(path: str, here: Place) -> Place:
    """Find the place of a path.

    Parameters
    ----------
    path : str
        With or without a scheme, absolute or relative.
    here : Place
        Where relative paths start; paths without a scheme belong to its store.
    """
    # As in Hadoop: what stands before a colon is a scheme if no slash comes before it.
    found = _SCHEME.fullmatch(path)
    if found is None:
        start = () if path.startswith("/") else here.parts
        return Place(here.store, _normal((*start, *path.split("/"))), path, here.root)
    parts = _normal(tuple(found[3].split("/")))
    scheme, authority = found[1].lower(), found[2] or ""
    if scheme == LOCAL:
        return Place(LOCAL, parts, path)
    store = _ALIASES.get(scheme, scheme)
    if not authority and here.store.startswith(f"{store}://"):
        return Place(here.store, parts, path, here.root)
    root = f"{scheme}:" if found[2] is None else f"{scheme}://{authority}"
    return Place(f"{store}://{authority}", parts, path, root)


def _normal(names: tuple[str, ...]) -> tuple[str, ...]:
    kept: list[str] = []
    for name in names:
        if name == "..":
            del kept[-1:]
        elif name not in ("", "."):
            kept.append(name)
    return tuple(kept)


def input_places(path: str, here: Place) -> list[Place]:
    """Find all places that an input may stand for: the path as it is; of a glob, each choice."""
    literal = place_of(path, here)
    if not _WILD.search(path):
        return [literal]
    found: list[Place] = [literal]
    for text in _alternatives(path):
        if len(found) > _MOST_ALTERNATIVES:
            below = path[: path.index("{")].rpartition("/")[0]
            return [replace(place_of(below or "/", here), given=path)]
        found.append(replace(place_of(text, here), given=path))
    return found


def _alternatives(text: str) -> Iterator[str]:
    """Give the texts that a pattern with ``{a,b}`` stands for; other wildcards stay."""
    start, end, commas = _first_braces(text)
    if end < 0:
        yield text
        return
    cuts = [start, *commas, end]
    for left, right in pairwise(cuts):
        yield from _alternatives(text[:start] + text[left + 1 : right] + text[end + 1 :])


def _first_braces(text: str) -> tuple[int, int, list[int]]:
    """Find the first pair of braces and the commas in it; -1 as its end if there is none."""
    start, depth, commas = text.find("{"), 0, list[int]()
    for at in range(max(start, 0), len(text) if start >= 0 else 0):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return start, at, commas
        if depth == 1 and text[at] == ",":
            commas.append(at)
    return start, -1, commas


def overlap(pattern: Place, place: Place) -> bool:
    """Tell whether one contains, is, or could match the other.

    Parameters
    ----------
    pattern : Place
        Its names may have the wildcards ``*``, ``?`` and ``[...]``.
    place : Place
        Its names are names.
    """
    if pattern.store != place.store:
        return False
    pairs = zip(pattern.parts, place.parts, strict=False)
    return all(name == wild or _matches(wild, name) for wild, name in pairs)


def is_pattern(place: Place) -> bool:
    """Tell whether a place has wildcards."""
    return any(_WILD.search(name) for name in place.parts)


def _matches(wild: str, name: str) -> bool:
    if not _WILD.search(wild):
        return False
    text = re.sub(r"\\\[(?:!|\\\^)?(.+?)\\\]|\\\*|\\\?", _as_expression, re.escape(wild))
    try:
        return re.fullmatch(text, name, re.DOTALL) is not None
    except re.error:
        # No pattern that we understand: better refuse too much.
        return True


def _as_expression(found: re.Match[str]) -> str:
    if found[1] is None:
        return {"\\*": ".*", "\\?": "."}[found[0]]
    negated = found[0].startswith(("\\[!", "\\[\\^"))
    # Ranges keep their hyphen, which `re.escape` has protected.
    return f"[{'^' if negated else ''}{found[1].replace(chr(92) + '-', '-')}]"


def resolved(place: Place) -> Place:
    """Follow the symbolic links in a local path, as far as it has no wildcards."""
    if place.local is None:
        return place
    literal = next(
        (n for n, name in enumerate(place.parts) if _WILD.search(name)), len(place.parts)
    )
    real = os.path.realpath(Path("/", *place.parts[:literal]))
    return replace(place, parts=(*Path(real).parts[1:], *place.parts[literal:]))


def on_disk(place: Place) -> list[Path]:
    """The local files and folders that a place stands for now, links followed."""
    if place.local is None:
        return []
    text = str(place.local)
    found = glob.glob(text, include_hidden=True) if _WILD.search(text) else []
    return [Path(os.path.realpath(path)) for path in {text, *found}]


def same_or_within(inner: Path, outer: Path) -> bool:
    """Tell whether a real path is another one or below it, by what the disk says."""
    try:
        there = outer.stat()
    except OSError:
        return False
    for path in (inner, *inner.parents):
        try:
            here = path.stat()
        except OSError:
            continue
        if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
            return True
    return False
