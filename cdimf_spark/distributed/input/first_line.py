"""Whether the first line of a text has names of columns that are not well-known.

A wrong yes stops a file that is in order, a wrong no trains on the names as a user and an item. So
the first line must both have the form of names and stand out from the lines below it:

Form: every cell has a letter and no digit, or differs in kind from its column. A cell differs if
it is no number and the rest of its column are numbers; if it has no digit and each of the rest has
one; or if it is empty and none of the rest is.

Standing out: every cell differs in kind; or, below 20 lines or more, one does; or there no value of
the first line comes again in its column, while every other line has a value that does.

Of data in any order, where each line may be the first one, at most one file in n of those with n
lines to look at has a first line that stands out by the last two rules, and it must have the form
of names besides: ids with a digit never have it next to other such ids.
"""

import re
from collections import Counter
from collections.abc import Sequence

# Below so many lines chance alone lets one stand out.
_ENOUGH_LINES = 20
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def looks_like_names(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Tell whether a first line is more likely names than data, by the rule above.

    Parameters
    ----------
    first : sequence of str, length n
        Cells of the first line.
    others : sequence of sequences of str, length n each
        Cells of lines below it. Lines like the first one are no evidence: a folder may have it in
        every file.
    """
    different = [line for line in others if list(line) != list(first)]
    if not different:
        return False
    columns = list(zip(first, zip(*different, strict=True), strict=True))
    differs = [_differs(cell, rest) for cell, rest in columns]
    if not all(
        odd or (_has_letter(cell) and not _has_digit(cell))
        for odd, cell in zip(differs, first, strict=True)
    ):
        return False
    if all(differs):
        return True
    return len(different) >= _ENOUGH_LINES and (any(differs) or _is_alone([first, *others]))


def _differs(cell: str, rest: Sequence[str]) -> bool:
    """Tell whether a cell is of another kind than all of the rest of its column."""
    if not cell:
        return all(rest)
    if not _is_number(cell) and all(_is_number(one) for one in rest):
        return True
    return not _has_digit(cell) and all(_has_digit(one) for one in rest)


def _is_alone(lines: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first line, and no other, has only values that come once in their column."""
    counts = [Counter(column) for column in zip(*lines, strict=True)]
    alone = [
        all(count[cell] == 1 for count, cell in zip(counts, line, strict=True)) for line in lines
    ]
    return alone[0] and not any(alone[1:])


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _has_digit(cell: str) -> bool:
    return any(char.isdigit() for char in cell)


def _has_letter(cell: str) -> bool:
    return any(char.isalpha() for char in cell)
