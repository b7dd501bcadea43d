"""What long work shows: log lines, and a bar where there is somebody to look at one.

A public function opens `showing`; the work below it says what it does with `stage` and `step`,
which cost nothing where no bar is shown. Lines come from `logging`. Who has configured that gets
lines as configured; where nobody has, the package's own are shown for as long as the function runs.

On a terminal there is a bar below the lines; in a notebook a bar (a widget) and the lines; anywhere
else, as in a file or under spark-submit, lines alone.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

PACKAGE = "cdimf_spark"
LINE_FORMAT = "%(asctime)s %(levelname)s %(message)s"
TIME_FORMAT = "%H:%M:%S"


class _Bar(Protocol):
    """What is used of a bar of tqdm."""

    n: float

    def set_description_str(self, desc: str | None = None, refresh: bool | None = True) -> None: ...

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None: ...

    def refresh(self) -> Any: ...


# None: nothing is shown by a bar. Work inside of other work that has a bar does not move it.
_BAR: ContextVar[_Bar | None] = ContextVar("cdimf_spark_bar", default=None)
_SHOWING: ContextVar[bool] = ContextVar("cdimf_spark_showing", default=False)


@contextmanager
def showing(verbose: bool, total: int, unit: str) -> Iterator[None]:
    """Show what the package does in the block.

    Parameters
    ----------
    verbose
        False: no bar, and lines only as logging is configured.
    total, unit
        How many steps the bar has, and what they are.
    """
    nested = _SHOWING.get()
    with ExitStack() as stack:
        shown = _SHOWING.set(True)
        stack.callback(_SHOWING.reset, shown)
        bar = None
        if verbose and not nested:
            bar = _open_bar(stack, total, unit)
            stack.enter_context(_lines(bar is not None))
        chosen = _BAR.set(bar)
        stack.callback(_BAR.reset, chosen)
        yield


def stage(words: str) -> None:
    """Say on the bar what is done now."""
    bar = _BAR.get()
    if bar is not None:
        bar.set_description_str(words)


def step(done: int, words: str = "") -> None:
    """Move the bar: so many steps are done, the last one with these numbers."""
    bar = _BAR.get()
    if bar is not None:
        bar.n = done
        bar.set_postfix_str(words, refresh=False)
        bar.refresh()


def in_notebook() -> bool:
    """Tell whether this is the kernel of a notebook (Jupyter, Databricks)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config


def _open_bar(stack: ExitStack, total: int, unit: str) -> _Bar | None:
    """A bar, if there is somebody to look at it; it stays when the work has ended."""
    # A bar of text in a notebook would leave a line for each of its moves.
    widget = in_notebook() and importlib.util.find_spec("ipywidgets") is not None
    if not widget and not (sys.stderr.isatty() and not in_notebook()):
        return None
    # Not before it is needed: it takes a while to load, and asks its surroundings.
    from tqdm.auto import tqdm

    bar: Any = stack.enter_context(tqdm(total=total, unit=unit, dynamic_ncols=True))
    return bar  # type: ignore[no-any-return]


@contextmanager
def _lines(beside_bar: bool) -> Iterator[None]:
    """Show the package's lines where nobody has configured logging; keep them off a bar."""
    logger = logging.getLogger(PACKAGE)
    with ExitStack() as stack:
        if not logger.hasHandlers():
            stack.enter_context(_own_handler(logger))
        if beside_bar and not in_notebook():
            from tqdm.contrib.logging import logging_redirect_tqdm

            chosen = [one for one in (logging.getLogger(), logger) if _writes_to_console(one)]
            stack.enter_context(logging_redirect_tqdm(chosen))
        yield


def _writes_to_console(logger: logging.Logger) -> bool:
    return any(getattr(one, "stream", None) in (sys.stdout, sys.stderr) for one in logger.handlers)


@contextmanager
def _own_handler(logger: logging.Logger) -> Iterator[None]:
    # A notebook paints what goes to stderr as if it were an error.
    handler = logging.StreamHandler(sys.stdout if in_notebook() else sys.stderr)
    handler.setFormatter(logging.Formatter(LINE_FORMAT, TIME_FORMAT))
    before = logger.level
    logger.addHandler(handler)
    if before == logging.NOTSET:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
