"""Waiting for other parties: asking again and again, ever more slowly, and saying for whom."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

logger = logging.getLogger(__name__)

Found = TypeVar("Found")

_FIRST_SECONDS, _LONGEST_SECONDS, _SLOWER = 0.1, 2.0, 1.2
# Said again after this time.
_SAY_EVERY_SECONDS = 60.0


def wait_for(ask: Callable[[float], Found | str]) -> Found:
    """Ask until there is an answer.

    Parameters
    ----------
    ask
        Gets the seconds waited so far; returns the answer, or a text that says what is waited for.
        It raises when it has been too long.
    """
    start, pause, said = time.monotonic(), _FIRST_SECONDS, -_SAY_EVERY_SECONDS
    while True:
        waited = time.monotonic() - start
        answer = ask(waited)
        if not isinstance(answer, str):
            return answer
        if waited - said >= _SAY_EVERY_SECONDS and waited > 0.5:
            logger.info("waiting for %s, seconds=%.0f", answer, waited)
            said = waited
        time.sleep(pause)
        pause = min(_LONGEST_SECONDS, pause * _SLOWER)
