"""How the rows of a domain were read: from where, and which columns were taken for what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from cdimf_spark.configuration.columns import Roles, found_by


@dataclass(frozen=True)
class Reading:
    """How the rows of a domain were read.

    It travels with the rows as a column of text, the same in every row of a domain, so that
    whoever checks the rows can say it.

    Parameters
    ----------
    source : str
        Path, table, or what messages call a frame.
    format : str
        Format and header in words, empty for a frame.
    taken : mapping of str to str
        Columns by role: user, item and perhaps weight, time, event.
    found_by : str
        How user and item were found.
    unused : tuple of str
        The other columns.
    with_weight : bool
        A weight column was looked for.
    is_stored : bool
        `source` is a path or a table.
    """

    source: str
    format: str
    taken: Mapping[str, str]
    found_by: str
    unused: tuple[str, ...]
    with_weight: bool
    is_stored: bool = False

    @classmethod
    def of(
        cls,
        source: str,
        names: Sequence[str],
        wanted: Sequence[str] | None,
        roles: Roles,
        with_weight: bool,
        more: Mapping[str, int] | None = None,
    ) -> Self:
        """Make it of what `choose_columns` was given and found.

        Parameters
        ----------
        more : mapping of str to int, optional
            Positions of columns with other roles.
        """
        positions = {"user": roles.user, "item": roles.item, **(more or {})}
        if roles.weight is not None:
            positions["weight"] = roles.weight
        return cls(
            source,
            "",
            {role: names[position] for role, position in positions.items()},
            found_by(names, wanted),
            tuple(name for at, name in enumerate(names) if at not in positions.values()),
            with_weight,
        )

    def stored(self, format: str) -> Self:
        """The same, of a file or table of a format."""
        return replace(self, format=format, is_stored=True)

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Inverse of `to_text`."""
        values = json.loads(text)
        return cls(**{**values, "unused": tuple(values["unused"])})

    def columns_text(self) -> str:
        """Columns taken and how they were found: ``user 'buyer', item 'sku' (option columns)``."""
        taken = ", ".join(f"{role} {_named(name)}" for role, name in self.taken.items())
        return f"{taken} ({self.found_by})"

    def unused_text(self) -> str:
        """Columns that are not used, with the option that would use them; empty if there is none.

        Pairs without weights (test sets) have no use for others.
        """
        if not self.unused:
            return ""
        names = ", ".join(map(_named, self.unused))
        if not self.with_weight:
            return f"not used: {names}"
        use = "chooses others" if "weight" in self.taken else "makes one the weight"
        return f"not used: {names} (option columns {use})"


def _named(column: str) -> str:
    """Return a name in quotation marks, or a position as what it is."""
    return f"column {column}" if column.isdigit() else repr(column)
