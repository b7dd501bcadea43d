"""What is wrong with input data: each error names the source, and what to do."""

import os
from collections.abc import Iterable

from cdimf_spark.errors import DataError
from cdimf_spark.wording import counted


class MissingInputError(DataError):
    """A path or a table that does not exist."""

    def __init__(self, source: str, domain: str) -> None:
        self.source, self.domain = source, domain
        super().__init__(source, domain)

    def __str__(self) -> str:
        """Name the path."""
        return (
            f"domain {self.domain!r}: no such file, folder or table: {self.source!r}. Check the "
            f"spelling{path_advice(self.source)}"
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


def path_advice(source: str) -> str:
    """Say where Spark looked for a path without a scheme."""
    if "://" in source:
        return ""
    advice = "; a path without a scheme belongs to Spark's default file system"
    if source.startswith("/"):
        return advice
    return f"{advice} and, if that is the local one, to the folder {os.getcwd()!r}"
