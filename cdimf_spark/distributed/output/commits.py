"""Commits of an iteration, made while the next one is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

Commit = Callable[[], None]


class Commits:
    """Sets of commits in the background, one set after the other.

    A commit is mostly waiting and planning, and the frames that it writes are computed already;
    so it costs an iteration little when it runs beside the next one. `with` it waits for the
    last set.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(thread_name_prefix="commits")
        self._last: Future[None] | None = None

    def add(self, tables: Sequence[Commit], mark: Commit | None = None) -> None:
        """Begin a set: its tables side by side, then the mark that says that they are there.

        Waits for the set before it, and raises what stopped that one.
        """
        self.wait()
        self._last = self._pool.submit(self._write, tables, mark)

    def wait(self) -> None:
        """Wait for the last set, and raise what stopped it."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def _write(self, tables: Sequence[Commit], mark: Commit | None) -> None:
        for written in [self._pool.submit(commit) for commit in tables]:
            written.result()
        if mark is not None:
            mark()

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the last set; what stopped it is raised, unless something else already is."""
        try:
            if error is None:
                self.wait()
        finally:
            self._pool.shutdown(wait=True)
