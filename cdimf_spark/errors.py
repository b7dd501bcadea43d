"""Errors of the package: each says what was found, where, and what to do about it.

A job ends with the ``exit_code`` of the error that stopped it. Classes with facts as arguments
keep them as attributes and compose the message from them; they survive pickling.
"""

import difflib
import os
from collections.abc import Iterable


class CDIMFError(Exception):
    """Base of every error that the package raises on purpose."""

    exit_code = 1


class NumericalError(CDIMFError):
    """The arithmetic failed: a singular system, or factors that are not finite."""


class StorageError(CDIMFError):
    """Files cannot be written: the disk is full, or a folder is closed to this user."""


class ClusterError(CDIMFError):
    """The Spark cluster cannot be reached."""


class ConfigurationError(CDIMFError):
    """The configuration cannot be used as it is."""

    exit_code = 2


class DataError(CDIMFError):
    """The input data cannot be used as they are."""

    exit_code = 3


class OutputInUseError(CDIMFError):
    """Another run holds the output folder."""

    exit_code = 4


class MissingPackageError(ConfigurationError, ImportError):
    """A package that is not installed, and is needed for a part of this one.

    Parameters
    ----------
    what : str
        What needs it.
    package : str
        What is missing, as a user calls it.
    extra : str
        The extra of this package that has it.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.what, self.package, self.extra = what, package, extra
        super().__init__(what, package, extra)

    def __str__(self) -> str:
        """Say how to install it, by names that are published, or from what one has."""
        return (
            f"{self.what} needs {self.package}: {_PUBLISHED[self.extra]}; or pip install -e "
            f"'.[{self.extra}]' in a clone of the repository, or pip install "
            f"'FILE.whl[{self.extra}]' with its wheel"
        )


# Extras by the published names of what is in them: the name of this package is not published, so
# that anybody could take it.
_PUBLISHED = {
    "spark": "pip install pyspark==4.1.4 delta-spark==4.4.0 (and Java 17)",
    "plots": "pip install matplotlib",
}


class UnknownKeyError(ConfigurationError):
    """An option that does not exist, most often a misspelt one.

    Parameters
    ----------
    key : str
        The name as given.
    known : iterable of str
        The names that exist there.
    where : str
        The file, or the part of the command line, that has the name.
    """

    def __init__(self, key: str, known: Iterable[str], where: str) -> None:
        self.key, self.known, self.where = key, tuple(known), where
        super().__init__(key, self.known, where)

    def __str__(self) -> str:
        """Name the nearest known option and all the others."""
        return (
            f"unknown option {self.key!r} in {self.where}{did_you_mean(self.key, self.known)} "
            f"Known: {', '.join(sorted(self.known))}"
        )


class ValueOutOfRangeError(ConfigurationError):
    """An option whose value is of the wrong kind or outside its range.

    Parameters
    ----------
    key : str
        Name of the option.
    value : object
        The value as given.
    allowed : str
        What the value must be, in words: "a whole number from 1 to 4096".
    where : str, optional
        The file, or the part of the command line, that has the value.
    """

    def __init__(self, key: str, value: object, allowed: str, where: str = "") -> None:
        self.key, self.value, self.allowed, self.where = key, value, allowed, where
        super().__init__(key, value, allowed, where)

    def __str__(self) -> str:
        """Say what was given and what is allowed."""
        place = f" in {self.where}" if self.where else ""
        return f"option {self.key!r}{place} is {self.value!r}, but must be {self.allowed}"


class MissingInputError(DataError):
    """A path or a table that does not exist."""

    def __init__(self, source: str, domain: str) -> None:
        self.source, self.domain = source, domain
        super().__init__(source, domain)

    def __str__(self) -> str:
        """Name the path."""
        return (
            f"domain {self.domain!r}: no such file, folder or table: {self.source!r}. Check the "
            f"spelling{_path_advice(self.source)}"
        )


class EmptyInputError(DataError):
    """An input that exists but has no interactions."""

    def __init__(self, source: str, domain: str) -> None:
        self.source, self.domain = source, domain
        super().__init__(source, domain)

    def __str__(self) -> str:
        """Name the source."""
        return (
            f"domain {self.domain!r}: {self.source!r} has no interactions: it is empty, has "
            "nothing but a header, or all weights are 0. Check that it is the right one"
        )


class ColumnsError(DataError):
    """Columns that are missing, ambiguous, or of a type that cannot be used.

    Parameters
    ----------
    source : str
        Path or table.
    problem : str
        What is wrong: "no column 'buyer'".
    present : iterable of str
        Names of the columns that are there.
    """

    def __init__(self, source: str, problem: str, present: Iterable[str]) -> None:
        self.source, self.problem, self.present = source, problem, tuple(present)
        super().__init__(source, problem, self.present)

    def __str__(self) -> str:
        """List what is present and name the option that decides."""
        return (
            f"{self.source!r}: {self.problem}. Present: {', '.join(self.present) or 'none'}. Say "
            "which columns to use, by name or by position from 1, with the domain's option "
            "'columns' (columns: [user, item] or columns: [user, item, weight])"
        )


class BadRowsError(DataError):
    """Rows that are not interactions. The first one is shown.

    Parameters
    ----------
    domain, source : str
        The domain, and the file that has the row.
    line : int or None
        Line number of the row from 1, where there are lines.
    row : str
        The row as text, possibly cut.
    problem : str
        What is wrong with it.
    n_bad, n_rows : int
        Wrong rows and all rows of the domain.
    hint : str, optional
        What could be the cause.
    """

    def __init__(
        self,
        domain: str,
        source: str,
        line: int | None,
        row: str,
        problem: str,
        n_bad: int,
        n_rows: int,
        hint: str = "",
    ) -> None:
        self.domain, self.source, self.line, self.row = domain, source, line, row
        self.problem, self.n_bad, self.n_rows, self.hint = problem, n_bad, n_rows, hint
        super().__init__(domain, source, line, row, problem, n_bad, n_rows, hint)

    def __str__(self) -> str:
        """Show the first bad row, how many there are, and what to do."""
        line = "" if self.line is None else f", line {self.line}"
        rows = counted(self.n_bad, "row")
        advice = f"{self.hint}. " if self.hint else ""
        return (
            f"domain {self.domain!r}, {self.source!r}{line}: {self.problem}, in the row "
            f"{self.row!r}. {rows} of {self.n_rows} cannot be used. {advice}"
            "Correct or remove them and start again"
        )


def _path_advice(source: str) -> str:
    """Say where Spark looked for a path without a scheme."""
    if "://" in source:
        return ""
    advice = "; a path without a scheme belongs to Spark's default file system"
    if source.startswith("/"):
        return advice
    return f"{advice} and, if that is the local one, to the folder {os.getcwd()!r}"


def counted(n: int, noun: str) -> str:
    """Return "1 row" or "2 rows"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return ``": did you mean 'rank'?"`` for the nearest known word, or a full stop."""
    nearest = difflib.get_close_matches(str(word), list(known), n=1)
    return f": did you mean {nearest[0]!r}?" if nearest else "."
