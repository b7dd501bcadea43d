"""Workers and executors that die once, in the middle of an iteration."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdimf_spark.distributed.training.steps import iteration

Loss = Callable[[], None]


class OnceError(Exception):
    """Raised by a task that will do better next time."""


def raise_once() -> None:
    raise OnceError


def kill_worker() -> None:
    """End this Python worker as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_executor() -> None:
    """End the executor of this Python worker: the parent of its daemon."""
    daemon = Path(f"/proc/{os.getppid()}/stat").read_text()
    os.kill(int(daemon.rpartition(")")[2].split()[1]), signal.SIGKILL)


def lose_once(loss: Loss, number: int, mark: Path, patches: pytest.MonkeyPatch) -> None:
    """Let one task of the users' step of an iteration call `loss`, which leaves the file `mark`."""
    # Not the function itself: an earlier loss may be around it, and must stay there.
    original = vars(iteration)["make_user_step"]
    calls: list[tuple[Any, ...]] = []
    path = str(mark)

    def make(*args: Any) -> Any:
        step = original(*args)
        calls.append(args)
        if len(calls) != number:
            return step

        def lossy(static: Any, moving: Any) -> Any:
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return step(static, moving)
            loss()
            raise AssertionError("still alive")

        return lossy

    patches.setattr(iteration, "make_user_step", make)
