"""How a text is delimited and whether it has a header: decided from its first lines.

Plain Python. Nothing here guesses where two answers are possible: it asks for the option.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass

from cdimf_spark.configuration.columns import Roles, choose_columns, known_roles
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.first_line import looks_like_names
from cdimf_spark.errors import DataError
from cdimf_spark.input_errors import ColumnsError

# Largest share of characters in the first lines that no text has: ids may have a few.
# Runs of blanks come last: ids may have blanks in them.
_MOST_ODD = 0.1
_SEPARATORS = ("\t", "::", ";", ",", "|", " ")


@dataclass(frozen=True)
class TextLayout:
    """How delimited lines are read.

    Parameters
    ----------
    separator : str
        One to four characters; a blank stands for runs of blanks and tabs.
    n_columns : int
        Columns of every line.
    header : str or None
        The line with the names, as it is in the file.
    roles : Roles
    names : tuple of str
        Of the columns: those of the header, or positions from 1.
    """

    separator: str
    n_columns: int
    header: str | None
    roles: Roles
    names: tuple[str, ...]


def find_text_layout(
    lines: Sequence[str],
    domain: DomainConfig,
    with_weight: bool = True,
    file: str | None = None,
) -> TextLayout:
    """Find the layout of delimited text from its first lines.

    Parameters
    ----------
    lines : sequence of str
        The first lines that are not blank, at least one.
    domain : DomainConfig
        Its options `separator`, `header` and `columns` come before what the lines show.
    with_weight : bool
        Look for a weight column.
    file : str or None
        The file that the first line is in, for messages; the domain's path if left out.

    Raises
    ------
    ColumnsError
        The columns are not the wanted ones, or it is not clear which they are; or the first line
        may be a header (see `looks_like_names`), and no option says whether it is.
    """
    _refuse_binary(lines, domain, file or domain.path)
    separator = domain.separator or _find_separator(lines)
    cells = split_line(lines[0], separator)
    has_header = _has_header(cells, domain)
    if has_header is None:
        _refuse_names(cells, lines, separator, file or domain.path)
    names = cells if has_header else [str(position + 1) for position in range(len(cells))]
    roles = choose_columns(names, domain.columns, domain.path, with_weight=with_weight)
    header = lines[0] if has_header else None
    return TextLayout(separator, len(cells), header, roles, tuple(names))


def _refuse_binary(lines: Sequence[str], domain: DomainConfig, file: str) -> None:
    """Raise DataError for bytes that are no text."""
    characters = "".join(lines)
    odd = sum(one == "\ufffd" or (one < " " and one not in "\t\r\f\v") for one in characters)
    if odd > _MOST_ODD * len(characters):
        raise DataError(
            f"domain {domain.name!r}: {file!r} is not text in UTF-8. Convert it to csv, tsv, JSON "
            "lines or Parquet, or say what it is with the option 'format'"
        )


def split_line(line: str, separator: str) -> list[str]:
    """Split a line; a single-character separator may stand within quotation marks."""
    if separator == " ":
        return line.split()
    if len(separator) > 1:
        return line.split(separator)
    try:
        cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    except csv.Error:
        cells = line.split(separator)
    return [cell.strip() for cell in cells]


def _find_separator(lines: Sequence[str]) -> str:
    """Return the first separator that splits all lines alike, else the first that splits one.

    A header with well-known names settles it.
    """
    splitting = [sep for sep in _SEPARATORS if len(split_line(lines[0], sep)) > 1]
    for separator in splitting:
        if all(known_roles(split_line(lines[0], separator))[:2]):
            return separator
    for separator in splitting:
        if len({len(split_line(line, separator)) for line in lines}) == 1:
            return separator
    return splitting[0] if splitting else ","


def _has_header(cells: Sequence[str], domain: DomainConfig) -> bool | None:
    """Decide from options and well-known names whether the first line is a header; None: open."""
    if domain.header is not None:
        return domain.header
    if any(not name.isdigit() for name in domain.columns or ()):
        return True
    users, items, _ = known_roles(cells)
    if not (users or items):
        return None
    if (users and items) or domain.columns is not None:
        return True
    problem = "the first line looks like a header, but names no column of " + (
        "items" if users else "users"
    )
    raise ColumnsError(domain.path, problem + " (if it is data, set header: false)", cells)


def _refuse_names(cells: Sequence[str], lines: Sequence[str], separator: str, file: str) -> None:
    """Raise ColumnsError if the first line may be a header with names of its own."""
    others = (split_line(line, separator) for line in lines[1:])
    if looks_like_names(cells, [other for other in others if len(other) == len(cells)]):
        raise ColumnsError(
            file,
            f"line 1, {lines[0][:200]!r}, looks like the names of the columns, but no name is "
            "well-known. Set the domain's option header: true if it has the names, header: false "
            "if it is data; or give the columns names like user_id and item_id",
            cells,
        )


def json_keys(lines: Sequence[str], source: str) -> list[str]:
    """Return the keys of the first JSON lines, in order of appearance.

    Raises
    ------
    DataError
        The first line is not a JSON object.
    """
    keys: dict[str, None] = {}
    for number, line in enumerate(lines):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            keys.update(dict.fromkeys(record))
        elif number == 0:
            raise DataError(
                f"{source!r}: JSON lines are wanted, one object a line, but the first line is "
                f"{line[:200]!r}"
            )
    return list(keys)
