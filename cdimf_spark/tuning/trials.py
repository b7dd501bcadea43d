"""Trials of a tuning: what was tried and found, kept as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from cdimf_spark.errors import ConfigurationError

# Fewer trials than this do not say what is usual.
_FEW = 4


@dataclass(frozen=True)
class Checkpoint:
    """An evaluation on the validation set: of how many iterations, and what it found by domain."""

    iteration: int
    value: float
    domains: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Trial:
    """One configuration.

    Attributes
    ----------
    number : int
        From 1.
    options : mapping
        The searched options.
    checkpoints : sequence of Checkpoint
        In the order of iterations.
    ended : str
        Why no iteration followed: ``max_iter``, ``no gain`` or ``behind``.
    seconds : float
        Wall time.
    """

    number: int
    options: Mapping[str, Any]
    checkpoints: Sequence[Checkpoint]
    ended: str
    seconds: float

    @property
    def best(self) -> Checkpoint:
        """The best evaluation; of equal ones that of fewer iterations."""
        return max(self.checkpoints, key=lambda point: (point.value, -point.iteration))

    @property
    def value(self) -> float:
        """The metric of the best evaluation."""
        return self.best.value


def is_behind(value: float, iteration: int, earlier: Sequence[Trial]) -> bool:
    """Tell whether a trial is below the median of the earlier ones after the same iterations.

    The median rule of Golovin et al. (2017), section 3.2.2, with each trial's value there.
    """
    values = [
        point.value
        for trial in earlier
        for point in trial.checkpoints
        if point.iteration == iteration
    ]
    return len(values) >= _FEW and value < median(values)


class TrialLog:
    """The file of trials: a line that says what is searched, then a line a trial.

    Parameters
    ----------
    path
        The file; it need not exist.
    search
        What the trials depend on besides each other, ready for JSON.

    Raises
    ------
    ConfigurationError
        The file is of another search, or is not a file of trials.
    """

    def __init__(self, path: Path, search: Mapping[str, Any]) -> None:
        self._path = path
        self.trials: list[Trial] = []
        search = json.loads(json.dumps(search))
        lines = self._whole_lines() if path.exists() else []
        if lines:
            self._read(lines, search)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"search": search})

    def add(self, trial: Trial) -> None:
        """Append a finished trial."""
        self._append(asdict(trial))
        self.trials.append(trial)

    def _append(self, entry: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def _whole_lines(self) -> list[str]:
        """Read the lines, and cut off one that a killed search did not finish."""
        whole, end, broken = self._path.read_text(encoding="utf-8").rpartition("\n")
        if broken:
            self._path.write_text(whole + end, encoding="utf-8")
        return whole.splitlines()

    def _read(self, lines: Sequence[str], search: Mapping[str, Any]) -> None:
        try:
            first, *others = (json.loads(line) for line in lines)
            found = first["search"]
            self.trials = [_to_trial(entry) for entry in others]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{self._path} is not a file of trials ({error}): name another output folder"
            ) from None
        changed = sorted(key for key in {*found, *search} if found.get(key) != search.get(key))
        if changed and not self.trials:
            # Nothing was found yet that other options could contradict.
            self._path.unlink()
            self._append({"search": search})
        elif changed:
            raise ConfigurationError(
                f"{self._path} holds the trials of another search ({', '.join(changed)}): "
                "restore these, or name another output folder"
            )


def _to_trial(entry: Mapping[str, Any]) -> Trial:
    points = [Checkpoint(**point) for point in entry["checkpoints"]]
    return Trial(**{**entry, "checkpoints": points})
