"""What became of a party to which something was done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from cdimf_spark.errors import CDIMFError

# Nobody hangs for ever: far more than any of these small trainings takes.
LONGEST_SECONDS = 300.0


@dataclass(frozen=True)
class Fault:
    """Something that was done to a party, and what is wrong with the outcome; empty: nothing.

    Attributes
    ----------
    kind, what
        The line of the table, and the fault itself.
    party
        Who had to live with it.
    outcome
        How it ended.
    problem
        What should not have happened.
    """

    kind: str
    what: str
    party: str
    outcome: str = "went on"
    problem: str = ""

    def failed(self, problem: str) -> Self:
        """The same with a problem."""
        return replace(self, problem=problem)


def outcome_of(fault: Fault, call: Callable[[], Any], names: tuple[str, ...]) -> Fault:
    """Run a party: it must end in time, well or by an error of the package with some words."""
    start = time.monotonic()
    try:
        call()
    except CDIMFError as error:
        missing = [name for name in names if name not in str(error)]
        fault = replace(fault, outcome=f"{type(error).__name__}: {error}")
        fault = fault.failed(f"the message does not name {missing}") if missing else fault
    except Exception as error:
        fault = replace(fault, outcome=type(error).__name__).failed(str(error)[:300])
    if time.monotonic() - start > LONGEST_SECONDS:
        fault = fault.failed(f"took {time.monotonic() - start:.0f} s")
    return fault
