"""Seconds of the parts of an iteration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Wall time since it was made, and of named parts."""

    started: float = field(default_factory=time.perf_counter)
    parts: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time of a block of code to a part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.parts[name] = self.parts.get(name, 0.0) + time.perf_counter() - began

    def seconds(self) -> float:
        """Wall time so far."""
        return time.perf_counter() - self.started

    def __str__(self) -> str:
        """Name the parts in order: ``items 0.81 users 1.02``."""
        return " ".join(f"{name} {seconds:.2f}" for name, seconds in self.parts.items())
