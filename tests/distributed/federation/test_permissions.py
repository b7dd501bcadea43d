"""Folders as the guide sets them up: who really can read and write what, as Unix users."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.parties import Federation

# Numbers that no account of this machine has.
USERS = {"books": 30001, "films": 30002, "games": 30003, "stranger": 30004}
EVERY_PARTY, BOOKS_AND_FILMS = 31000, 31001
GROUPS = {
    "books": [EVERY_PARTY, BOOKS_AND_FILMS],
    "films": [EVERY_PARTY, BOOKS_AND_FILMS],
    "games": [EVERY_PARTY],
    "stranger": [],
}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as other users")


def act_as(name: str, act: Callable[[], bool]) -> bool:
    """What a function returns in a process of another user."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(GROUPS[name])
            os.setgid(USERS[name])
            os.setuid(USERS[name])
            os._exit(0 if act() else 1)
        except PermissionError:
            os._exit(2)
        finally:
            os._exit(3)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1, 2), code
    return code == 0


def can_read(name: str, folder: Path) -> bool:
    """Whether a user can list a folder and read every file below it."""

    def act() -> bool:
        files = [file for file in folder.rglob("*") if file.is_file()]
        return bool(files) and all(file.read_bytes() is not None for file in files)

    return act_as(name, act)


def can_write(name: str, folder: Path) -> bool:
    def act() -> bool:
        (folder / f"written by {name}").write_text("x")
        return True

    return act_as(name, act)


def install(folder: Path, owner: str, group: int) -> None:
    """The command of the guide."""
    who = ["-o", str(USERS[owner]), "-g", str(group)]
    subprocess.run(["install", "-d", "-m", "2750", *who, str(folder)], check=True)


@pytest.fixture
def place(federation: Federation) -> Iterator[Path]:
    """The meeting place of two parties, its folders made as the guide says, the rest by Spark."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    try:
        for party in ("books", "films"):
            install(root / party, party, EVERY_PARTY)
            install(root / party / "exchange", party, EVERY_PARTY)
            install(root / party / "exchange" / "books+films", party, BOOKS_AND_FILMS)
        for file in federation.place.rglob("*"):
            to = root / file.relative_to(federation.place)
            if file.is_dir():
                to.mkdir(exist_ok=True)
            else:
                # As Spark makes them: readable for all who can come here.
                shutil.copyfile(file, to)
            os.chown(to, USERS[to.relative_to(root).parts[0]], -1)
        yield root
    finally:
        shutil.rmtree(root)


def test_each_can_read_only_what_it_must(place: Path) -> None:
    books = place / "books"
    for table in ("members", "status", "alignment"):
        readers = [name for name in USERS if can_read(name, books / table)]
        assert readers == ["books", "films", "games"], table
    readers = [name for name in USERS if can_read(name, books / "exchange" / "books+films")]
    assert readers == ["books", "films"]


def test_each_writes_only_its_own(place: Path) -> None:
    for folder in ("status", "exchange/books+films", "exchange/books+films/_delta_log"):
        writers = [name for name in USERS if can_write(name, place / "books" / folder)]
        assert writers == ["books"], folder
    # Nobody can put a table of another party's beside it, or take one away.
    for name in ("films", "games", "stranger"):
        assert not can_write(name, place)
        assert not can_write(name, place / "books" / "exchange")
