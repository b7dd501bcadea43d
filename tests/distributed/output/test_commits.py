"""Commits in the background: their order, and what happens when one fails."""

from __future__ import annotations

import threading

import pytest

from cdimf_spark.distributed.output.commits import Commit, Commits


class DiskFullError(Exception):
    pass


def fail() -> None:
    raise DiskFullError


def test_the_mark_comes_after_all_tables_and_sets_come_one_after_the_other() -> None:
    done: list[str] = []
    first_may_end = threading.Event()

    def slow() -> None:
        first_may_end.wait(10)
        done.append("slow")

    with Commits() as commits:
        commits.add([slow, lambda: done.append("quick")], lambda: done.append("mark 1"))
        assert "mark 1" not in done
        first_may_end.set()
        commits.add([lambda: done.append("next")], lambda: done.append("mark 2"))
        assert done[:3] in (["quick", "slow", "mark 1"], ["slow", "quick", "mark 1"])
    assert done[3:] == ["next", "mark 2"]


def test_the_caller_does_not_wait_for_a_set() -> None:
    may_end, in_time = threading.Event(), []
    with Commits() as commits:
        commits.add([lambda: in_time.append(may_end.wait(2))])
        may_end.set()  # reached although the commit is not through
    assert in_time == [True]


def commit(*sets: tuple[list[Commit], Commit], error: Exception | None = None) -> None:
    with Commits() as commits:
        for tables, mark in sets:
            commits.add(tables, mark)
        if error is not None:
            raise error


def test_without_its_tables_a_set_is_not_marked() -> None:
    marked: list[int] = []
    with pytest.raises(DiskFullError):
        commit(([fail], lambda: marked.append(1)), ([], lambda: marked.append(2)))
    assert marked == []


def test_the_last_set_is_waited_for_and_its_error_raised() -> None:
    with pytest.raises(DiskFullError):
        commit(([], fail))


def test_an_error_of_the_work_itself_is_not_hidden() -> None:
    marked: list[int] = []
    with pytest.raises(KeyError):
        commit(([], lambda: marked.append(1)), error=KeyError())
    assert marked == [1]
    with pytest.raises(KeyError):
        commit(([fail], lambda: None), error=KeyError())
