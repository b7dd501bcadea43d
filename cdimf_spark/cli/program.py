"""How the user started a command: as a job of spark-submit, or by the console command ``cdimf``."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Command of the console by the name of its job in jobs/.
COMMANDS = {
    "train_cdimf": "train",
    "evaluate": "evaluate",
    "recommend": "recommend",
    "prepare": "prepare",
    "tune": "tune",
    "compare": "compare",
    "explain": "explain",
    "fold_in": "fold-in",
    "export": "export",
}
_AFTER_SUBMIT = re.compile(r" ?\((?:each )?after: spark-submit --properties-file \S+?\)")
_JOB = re.compile(rf"(?:spark-submit --properties-file \S+ )?jobs/({'|'.join(COMMANDS)})\.py")


@dataclass(frozen=True)
class Program:
    """Names of the commands in what the user reads.

    Attributes
    ----------
    console : bool
        Started as ``cdimf COMMAND``, or as ``python -m cdimf_spark COMMAND``.
    """

    console: bool = False

    def name(self, job: str) -> str:
        """Name of the running command: ``train_cdimf.py``, or ``cdimf train``."""
        return f"cdimf {COMMANDS[job]}" if self.console else f"{job}.py"

    def words(self, text: str) -> str:
        """Name commands, in a text that speaks of jobs, as the user started this one."""
        if not self.console:
            return text
        return _JOB.sub(lambda found: f"cdimf {COMMANDS[found[1]]}", _AFTER_SUBMIT.sub("", text))

    def say(self, result: object) -> None:
        """Print a result."""
        print(self.words(str(result)))  # noqa: T201 -- what a command is for


JOB = Program()
CONSOLE = Program(console=True)
