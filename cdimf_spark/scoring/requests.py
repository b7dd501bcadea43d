"""What is said about the ids that somebody asks for."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Iterable, Mapping

from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.wording import counted

logger = logging.getLogger(__name__)

POPULAR_FATE = "get what is popular (source: popular)"


def check_list(ids: object, column: str, noun: str) -> None:
    """Raise ConfigurationError if the ids are no list: one text, whose letters are not meant."""
    if isinstance(ids, Iterable) and not isinstance(ids, str | bytes | Mapping):
        return
    given = f"the text {ids!r}" if isinstance(ids, str | bytes) else repr(ids)
    one = ids if isinstance(ids, str | numbers.Integral) else "..."
    raise ConfigurationError(
        f"the list of {noun} is {given:.60}: a list of ids, [{one!r}], or a frame with a column "
        f"{column!r} is wanted"
    )


def report_unknown_users(n: int, n_unknown: int, first: str | None, fate: str) -> None:
    """Log how many of the users no domain knows, the first of their ids, and what they get.

    Raises
    ------
    DataError
        If there are no users.
    """
    if not n:
        raise DataError("the list of users is empty")
    if n_unknown:
        advice = ": are their ids those of the training?" if n_unknown == n else ""
        users = counted(n_unknown, "user")
        logger.warning(
            "%s of %d whom no domain knows %s; the first is %r%s", users, n, fate, first, advice
        )


def report_unknown_items(name: str, domain: str, n: int, n_unknown: int, first: str | None) -> None:
    """Log how many items of a list a domain does not have.

    Raises
    ------
    DataError
        If it has none of them.
    """
    if n_unknown == n:
        raise DataError(
            f"{name}: domain {domain!r} has none of the {counted(n, 'item')}, the first is "
            f"{first!r}: are their ids those of the training?"
        )
    if n_unknown:
        logger.warning(
            "%s: domain %s does not have %d of %s, the first is %r",
            name,
            domain,
            n_unknown,
            counted(n, "item"),
            first,
        )
