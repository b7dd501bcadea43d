"""Lines and bars: who sees what, and where."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from cdimf_spark.progress import PACKAGE, showing, stage, step

LOGGER = logging.getLogger(f"{PACKAGE}.somewhere")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def surroundings(stream: io.StringIO, *handlers: logging.Handler) -> Iterator[io.StringIO]:
    """A Python of its own: stderr is the stream, and logging has no other handlers."""
    root = logging.getLogger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(root, "handlers", list(handlers))
        patch.setattr(sys, "stderr", stream)
        yield stream


def work(verbose: bool = True) -> None:
    with showing(verbose, 2, "iteration"):
        stage("packing")
        LOGGER.info("packed")
        for done in (1, 2):
            LOGGER.info("iteration %d", done)
            stage("iterations")
            step(done, f"loss={10 - done}")


def lines_of(text: str) -> list[str]:
    return [line.split(" INFO ")[1] for line in text.splitlines()]


def test_lines_are_shown_where_nobody_configured_logging() -> None:
    with surroundings(io.StringIO()) as stderr:
        work()
    assert lines_of(stderr.getvalue()) == ["packed", "iteration 1", "iteration 2"]


def test_not_verbose_shows_nothing() -> None:
    with surroundings(Terminal()) as stderr:
        work(verbose=False)
    assert stderr.getvalue() == ""


def test_afterwards_logging_is_as_it_was() -> None:
    logger = logging.getLogger(PACKAGE)
    before = (list(logger.handlers), logger.level)
    with surroundings(io.StringIO()) as stderr:
        with pytest.raises(ZeroDivisionError), showing(True, 1, "step"):
            raise ZeroDivisionError
        assert (logger.handlers, logger.level) == before
        LOGGER.info("unseen")
    assert stderr.getvalue() == ""


def test_who_configured_logging_gets_lines_as_configured() -> None:
    handler = logging.StreamHandler(io.StringIO())
    handler.setLevel(logging.WARNING)
    with surroundings(io.StringIO(), handler) as stderr, showing(True, 1, "step"):
        LOGGER.info("unseen")
        LOGGER.warning("something")
    assert stderr.getvalue() == ""
    assert handler.stream.getvalue() == "something\n"


def test_a_terminal_has_a_bar_below_whole_lines() -> None:
    with surroundings(Terminal()) as stderr:
        work()
    shown = stderr.getvalue()
    for part in ("packing", "iterations: 100%", "2/2", "loss=8"):
        assert part in shown
    assert whole_lines(shown) == ["packed", "iteration 1", "iteration 2"]


def whole_lines(shown: str) -> list[str]:
    """Lines that begin where the bar was wiped away, and end before it comes back."""
    parts = (part.split("\r")[-1] for part in shown.split("\n"))
    return [part.split(" INFO ")[1] for part in parts if " INFO " in part and "%|" not in part]


def test_a_configured_console_does_not_garble_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(PACKAGE), "level", logging.INFO)
    monkeypatch.setattr(logging.getLogger(PACKAGE).manager, "disable", 0)
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    with surroundings(terminal, handler):
        work()
        assert logging.getLogger().handlers == [handler]
    assert whole_lines(terminal.getvalue()) == ["packed", "iteration 1", "iteration 2"]


def test_work_inside_of_work_does_not_move_the_bar() -> None:
    with surroundings(Terminal()) as stderr, showing(True, 5, "trial"):
        step(1)
        work()
    assert "2/2" not in stderr.getvalue()
    assert "1/5" in stderr.getvalue()


def test_work_inside_of_silent_work_is_silent() -> None:
    with surroundings(Terminal()) as stderr, showing(False, 5, "trial"):
        work()
    assert stderr.getvalue() == ""


def test_a_notebook_without_widgets_has_lines_alone_and_not_as_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    ipython: Any = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with surroundings(Terminal()) as stderr:
        work()
    assert stderr.getvalue() == ""
    assert lines_of(capsys.readouterr().out) == ["packed", "iteration 1", "iteration 2"]
