"""Parsers of the commands, and the values that several of them read."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cdimf_spark.cli.program import Program
from cdimf_spark.configuration.options import split_names
from cdimf_spark.wording import did_you_mean

_OPTION = re.compile(r"--?[A-Za-z][^ ]*")


class _JobParser(argparse.ArgumentParser):
    """A parser that says which option a misspelt one may stand for.

    `hints` has what to say of options that a user may expect, and that there are not.
    """

    hints: Mapping[str, str]

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse an unknown option before anything else: it may be the one that is missing."""
        for argument in sys.argv[1:] if args is None else args:
            name = argument.partition("=")[0]
            if argument == "--":
                break
            if _OPTION.fullmatch(argument) and name not in self._option_string_actions:
                known = list(self._option_string_actions)
                # A shortened one is like none of them by difflib's measure.
                longer = [other for other in known if other.startswith(name)]
                nearest = did_you_mean(longer[0] if longer else name, known)
                if name in self.hints:
                    self.error(f"unrecognized arguments: {name}: {self.hints[name]}")
                self.error(f"unrecognized arguments: {name}{nearest} --help lists all options")
        return super().parse_known_args(args, namespace)


def job_parser(
    program: Program,
    job: str,
    description: str | None,
    epilog: str,
    hints: Mapping[str, str] = MappingProxyType({}),
) -> argparse.ArgumentParser:
    """Parser of a command line; lines of the `epilog` stay as they are.

    Parameters
    ----------
    program : Program
        How the user started it: decides what help texts call the commands.
    job : str
        Name of the job, without ``.py``.
    hints : mapping of str to str
        What to say of options that the job does not have, though a user may expect them.
    """
    parser = _JobParser(
        prog=program.name(job),
        description=description,
        epilog=program.words(epilog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # A new option must not change what a shortened one means.
        allow_abbrev=False,
    )
    parser.hints = hints
    return parser


def negatives_argument(text: str) -> int | str:
    """Read ``--negatives``: a number or ``all``."""
    if text == "all":
        return text
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number nor 'all'")
    return int(text)


def lengths_argument(text: str) -> list[int]:
    """Read ``--k``: a number, or several with commas between."""
    parts = split_names(text)
    if not parts or not all(part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers, as 10 or 5,10,20")
    return [int(part) for part in parts]
