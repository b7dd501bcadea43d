"""The console command: ``cdimf COMMAND ...``, or ``python -m cdimf_spark COMMAND ...``.

The commands are those of the repository's ``jobs/``, in a session of their own on this machine
(or in the one that spark-submit or a notebook has).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module

from cdimf_spark import __version__
from cdimf_spark.cli.commands.conf import write_settings
from cdimf_spark.cli.program import CONSOLE
from cdimf_spark.errors import ConfigurationError, MissingPackageError
from cdimf_spark.wording import did_you_mean

# What a command does, by its name; its module is imported when it is called.
_COMMANDS = {
    "train": "train a model, or show one on demonstration data",
    "evaluate": "metrics of a model on held-out interactions",
    "recommend": "the best items for users, and look-ups of what is alike",
    "prepare": "raw events to clean interactions and splits",
    "tune": "search for good options",
    "compare": "a model beside its baselines",
    "explain": "what scores are made of",
    "fold-in": "rows of users or items from new interactions, without training",
    "export": "a model for serving without Spark",
    "federate": "show three shops that train apart and meet in a folder",
    "audit-log": "what left a party of a federation, and what it read",
    "plan": "how large a training would be: cdimf plan users=1e6 items=2e5 interactions=3e7",
    "conf": "write the Spark settings and example configurations into a folder",
}


def usage() -> str:
    """What ``cdimf --help`` prints."""
    width = max(map(len, _COMMANDS))
    lines = [f"  {name.ljust(width)}  {text}" for name, text in _COMMANDS.items()]
    return "\n".join(
        (
            "usage: cdimf COMMAND [options]    (cdimf COMMAND --help tells them)",
            "",
            "Cross-domain recommendations: businesses learn from one another's users.",
            "",
            *lines,
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, as its job in ``jobs/`` would.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command and its arguments; by default those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        CONSOLE.say(usage())
        return 0 if given else 2
    if given[0] == "--version":
        CONSOLE.say(f"cdimf_spark {__version__}")
        return 0
    name, rest = given[0], given[1:]
    try:
        if name not in _COMMANDS:
            nearest = did_you_mean(name, _COMMANDS)
            raise ConfigurationError(f"there is no command {name!r}{nearest} See cdimf --help")
        return write_settings(rest, CONSOLE) if name == "conf" else _run_job(name, rest)
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 -- the command's last word
        return error.exit_code


def _run_job(name: str, arguments: list[str]) -> int:
    """Run a command that is a job too."""
    if name == "plan":
        name, arguments = "train", ["--plan", *arguments]
    try:
        command = import_module(f"cdimf_spark.cli.commands.{name.replace('-', '_')}")
        run = import_module("cdimf_spark.cli.command_line").run
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("pyspark", "py4j"):
            raise
        raise MissingPackageError(f"cdimf {name}", "Spark", "spark") from error
    advice = CONSOLE.words(getattr(command, "AFTER_INTERRUPT", ""))
    code: int = run(partial(command.main, arguments, CONSOLE), advice, CONSOLE)
    return code
