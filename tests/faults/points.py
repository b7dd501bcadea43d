"""The moments at which a training is stopped: a call of a writer, and when in it."""

from __future__ import annotations

from dataclasses import dataclass

STATE = ("state", "exchange", "consensus")
# Published tables are written in two sets, one after the other.
PACKED = ("factors", "history")
NAMED = ("user_factors", "item_factors", "shared_factors")


@dataclass(frozen=True)
class Point:
    """A moment within the n-th call of a writer in a process.

    Attributes
    ----------
    call
        ``append`` and ``overwrite`` of a table, or ``event`` of the log `runs`.
    name
        The table, or the event.
    when
        ``before`` and ``after`` the call; ``between`` the data files and the commit; ``alone``:
        after the call, while no other table of the same set was written.
    number
        n, from 1.
    """

    call: str
    name: str
    when: str
    number: int = 1

    def __str__(self) -> str:
        """In words."""
        place = "the event" if self.call == "event" else self.call
        return f"{self.when} {place} {self.name} ({self.number})"

    @property
    def others(self) -> tuple[str, ...]:
        """Tables that are written side by side with this one."""
        sets = [names for names in (STATE, PACKED, NAMED) if self.name in names]
        return tuple(name for names in sets for name in names if name != self.name)


def _around(call: str, names: tuple[str, ...], *moments: str) -> list[Point]:
    return [Point(call, name, when) for name in names for when in moments]


START = [
    *_around("event", ("started", "packed"), "before", "after"),
    *_around("append", ("blocks",), "before", "between", "after"),
    *_around("append", ("runs",), "between"),
]
LOOP = [
    *_around("append", STATE, "before", "between", "alone", "after"),
    *_around("event", ("iteration", "resumed"), "before", "after"),
    *_around("append", ("runs",), "between"),
]
PUBLISH = [
    *_around("overwrite", PACKED + NAMED, "before", "between", "alone", "after"),
    *_around("event", ("published",), "before", "after"),
]
