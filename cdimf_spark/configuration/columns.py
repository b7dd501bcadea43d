"""Which column is the user, the item and the weight: decided from names, positions and options.

Plain Python. Nothing here guesses where two answers are possible: it asks for the option.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from cdimf_spark.input_errors import ColumnsError

USER_NAMES = (
    *("user", "user_id", "uid", "reviewer", "reviewer_id", "customer", "customer_id", "client"),
    *("client_id", "buyer", "buyer_id", "visitor", "visitor_id", "member_id", "account_id"),
)
ITEM_NAMES = (
    *("item", "item_id", "iid", "product", "product_id", "asin", "parent_asin", "article"),
    *("article_id", "sku", "movie", "movie_id", "book_id", "isbn", "artist_id", "track_id"),
    *("song_id", "video_id", "game_id"),
)
WEIGHT_NAMES = (
    *("weight", "rating", "count", "value", "score", "confidence", "quantity", "qty", "plays"),
    *("overall", "stars", "play_count", "listens", "listen_count", "clicks", "click_count"),
    *("views", "view_count", "purchases", "purchase_count", "frequency"),
)
# How columns are found.
BY_OPTION, BY_NAME, BY_POSITION = "option columns", "well-known names", "by position"


class Roles(NamedTuple):
    """Positions, from 0, of the columns to use; no weight column means weight 1."""

    user: int
    item: int
    weight: int | None


def known_roles(names: Sequence[str]) -> tuple[list[int], list[int], list[int]]:
    """Return the positions of names that are well-known for users, items and weights."""
    plain = [plain_name(name) for name in names]
    users, items, weights = (
        [position for position, name in enumerate(plain) if name in known]
        for known in (_PLAIN_USERS, _PLAIN_ITEMS, _PLAIN_WEIGHTS)
    )
    return users, items, weights


def plain_name(name: str) -> str:
    """Return a name without case and punctuation: ``User ID`` and ``user_id`` are the same."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


_PLAIN_USERS, _PLAIN_ITEMS, _PLAIN_WEIGHTS = (
    frozenset(plain_name(name) for name in names)
    for names in (USER_NAMES, ITEM_NAMES, WEIGHT_NAMES)
)


def choose_columns(
    names: Sequence[str],
    wanted: Sequence[str] | None,
    source: str,
    positional: bool = True,
    with_weight: bool = True,
) -> Roles:
    """Choose the columns of user, item and weight.

    Parameters
    ----------
    names : sequence of str
        The columns that are there, in order.
    wanted : sequence of str or None
        User, item and perhaps weight, by name or by position from 1. None: the well-known names,
        or else user, item and weight in this order if there are two or three columns.
    source : str
        Path or table, for messages.
    positional : bool
        The order of the columns means something.
    with_weight : bool
        Look for a weight column; without it further columns do not matter.

    Raises
    ------
    ColumnsError
        A wanted column is not there, or without `wanted` it is not clear which columns to use.
    """
    if wanted is not None:
        found = [position_of(name, names, source, positional) for name in wanted]
        weight = found[2] if with_weight and len(found) == 3 else None
        return Roles(found[0], found[1], weight)
    users, items, weights = known_roles(names)
    if users or items:
        positions = [
            only_position(users, "users", names, source),
            only_position(items, "items", names, source),
        ]
        has_weight = with_weight and len(weights) > 0
        weight = only_position(weights, "weights", names, source) if has_weight else None
        return Roles(positions[0], positions[1], weight)
    if not positional or len(names) < 2 or (len(names) > 3 and with_weight):
        count = "1 column" if len(names) == 1 else f"{len(names)} columns"
        raise ColumnsError(source, f"{count}, none with a well-known name", names)
    return Roles(0, 1, 2 if with_weight and len(names) == 3 else None)


def found_by(names: Sequence[str], wanted: Sequence[str] | None) -> str:
    """Return how `choose_columns` finds the columns of user and item."""
    if wanted is not None:
        return BY_OPTION
    users, items, _ = known_roles(names)
    return BY_NAME if users or items else BY_POSITION


def only_position(positions: Sequence[int], role: str, names: Sequence[str], source: str) -> int:
    """Return the one position; none or several are an error."""
    if len(positions) == 1:
        return positions[0]
    found = "no column has" if not positions else f"{len(positions)} columns have"
    raise ColumnsError(source, f"{found} a well-known name for {role}", names)


def position_of(name: str, names: Sequence[str], source: str, positional: bool) -> int:
    """Return the position, from 0, of a column given by name or by position from 1."""
    if name.isdigit() and positional:
        if 1 <= int(name) <= len(names):
            return int(name) - 1
        raise ColumnsError(source, f"no column {name}, there are {len(names)}", names)
    same = [i for i, other in enumerate(names) if other == name]
    same = same or [i for i, other in enumerate(names) if other.lower() == name.lower()]
    if len(same) != 1:
        found = "several columns" if same else "no column"
        raise ColumnsError(source, f"{found} {name!r}", names)
    return same[0]
