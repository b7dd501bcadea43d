"""What is said about the ids that somebody asks for."""

from __future__ import annotations

import logging

from cdimf_spark.errors import ConfigurationError, DataError, counted

logger = logging.getLogger(__name__)

POPULAR_FATE = "get what is popular (source: popular)"


def refuse_text(ids: object, column: str, noun: str) -> None:
    """Raise ConfigurationError if the ids are one text: its letters are not meant."""
    if isinstance(ids, str | bytes):
        raise ConfigurationError(
            f"the list of {noun} is the text {ids!r}: a list of ids, [{ids!r}], or a DataFrame "
            f"with a column {column!r} is wanted"
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
