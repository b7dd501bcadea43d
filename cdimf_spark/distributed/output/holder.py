"""Who holds an output folder: what a second training is told about the first one."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from cdimf_spark.errors import OutputInUseError


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run as a number that has no name.
        return str(os.getuid())


@dataclass(frozen=True)
class Holder:
    """A process that trains into an output folder.

    Attributes
    ----------
    run_id
        Its run; empty before it has begun one.
    """

    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    user: str = field(default_factory=_user)
    since: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
    run_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return its facts, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a holder of its facts; what is not known is left open."""
        unknown = {"host": "?", "process": 0, "user": "?", "since": "?", "run_id": ""}
        return cls(**{name: values.get(name, unknown[name]) for name in unknown})

    def refusal(self, root: str, advice: str = "") -> OutputInUseError:
        """The error for everybody else who wants to train into the folder."""
        run = f"run {self.run_id}" if self.run_id else "no run begun yet"
        return OutputInUseError(
            f"another training holds {root!r}: {run}, process {self.process} of user {self.user} "
            f"on host {self.host}, since {self.since}. Let it finish or stop it, or give each "
            f"training an output folder of its own{advice}"
        )


class Hold(Protocol):
    """The right to write to an output folder, for the time of a training.

    Attributes
    ----------
    claim
        Number of this training among all that ever held the folder: who comes later has a higher
        one, and marks of a lower one do not count any more.
    """

    @property
    def claim(self) -> int:
        """See the class."""

    def name(self, run_id: str) -> None:
        """Tell others which run this is."""

    def check(self) -> None:
        """Do nothing while the folder is held.

        Raises
        ------
        OutputInUseError
            If somebody else holds it now.
        """
