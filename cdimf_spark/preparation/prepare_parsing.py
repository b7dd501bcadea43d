"""Values of `prepare`'s options that are more than a number or a word."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

COLUMN_ROLES = ("user", "item", "value", "time", "event")


def _pairs_of(value: object) -> dict[str, str]:
    """Read ``"a=1,b=2"`` or a mapping; raises ValueError without words."""
    if isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",")]
        if not all(equals for _, equals, _ in parts) or len({p[0].strip() for p in parts}) < len(
            parts
        ):
            raise ValueError
        return {name.strip(): text.strip() for name, _, text in parts}
    if not isinstance(value, Mapping):
        raise ValueError
    return {str(name): str(text) for name, text in value.items()}


def parse_columns(value: object) -> dict[str, str]:
    """Read ``user=buyer,item=article,time=ts`` or a mapping of roles to columns."""
    try:
        columns = _pairs_of(value)
    except ValueError:
        columns = {}
    wrong = not {"user", "item"} <= set(columns) or not set(columns) <= set(COLUMN_ROLES)
    if wrong or "" in columns.values() or len(set(columns.values())) < len(columns):
        raise ValueError(
            "user=COLUMN,item=COLUMN and, where there are such, value=, time= and event=, each "
            "another column, by name or by position from 1"
        )
    return columns


def parse_event_weights(value: object) -> dict[str, float]:
    """Read ``view=1,purchase=5`` or a mapping of event types to weights."""
    try:
        weights = {name: float(text) for name, text in _pairs_of(value).items()}
    except ValueError:
        weights = {}
    if not weights or not all(math.isfinite(w) and w >= 0 for w in weights.values()):
        raise ValueError("TYPE=WEIGHT,TYPE=WEIGHT,... with weights that are numbers, 0 or more")
    return weights


def parse_time(value: object) -> float:
    """Read a moment: seconds since 1970, or a date and time as in ISO 8601, UTC unless it says.

    Returns
    -------
    float
        Seconds since 1970.
    """
    text = str(value).strip()
    try:
        if re.fullmatch(r"[-+]?\d+(\.\d*)?", text) and not re.fullmatch(r"\d{4}|\d{8}", text):
            return float(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date or time like 2014-01-01, or seconds since 1970") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
