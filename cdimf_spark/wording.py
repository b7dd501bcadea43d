"""Words of messages: numbers with nouns, and the nearest known name."""

import difflib
from collections.abc import Iterable


def counted(n: int, noun: str) -> str:
    """Return "1 row" or "2 rows"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return ``": did you mean 'rank'?"`` for the nearest known word, or a full stop."""
    nearest = difflib.get_close_matches(str(word), list(known), n=1)
    return f": did you mean {nearest[0]!r}?" if nearest else "."
