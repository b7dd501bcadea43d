"""What raw events have besides user, item and weight: when they happened, and of which type.

Readers call `event_cells` with the names that they found; without `EventColumns` nothing changes
for them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from cdimf_spark.configuration.columns import only_position, plain_name, position_of
from cdimf_spark.distributed.input.cell_checks import wrong_type
from cdimf_spark.input_errors import ColumnsError

logger = logging.getLogger(__name__)

TIMESTAMP = "timestamp"
EVENT = "event"
IS_RATING = "is_rating"

TIME_NAMES = (
    *("timestamp", "time", "ts", "unix_review_time", "unix_time", "unix_timestamp", "datetime"),
    *("date", "event_time", "event_date", "created_at", "purchased_at"),
)
EVENT_NAMES = ("event", "event_type", "action", "action_type", "behavior", "behavior_type")
# A value of such a name says how much somebody liked a thing, not how sure that is.
RATING_NAMES = ("rating", "overall", "stars", "score")
_AS_WEIGHT = "jobs/prepare.py gives ratings the weight 1, the option columns chooses others"
# Numbers from here on cannot be seconds (the year 5138), only thousandths, or millionths.
_FIRST_MILLIS, _FIRST_MICROS = 1e11, 1e14
# What a timestamp can hold: the years 1 to 9999.
_EARLIEST, _LATEST = -62135596800, 253402300799


@dataclass(frozen=True)
class EventColumns:
    """Columns of time and event type, by name or by position from 1.

    Parameters
    ----------
    time, event : str or None
        None: a well-known name, if `look` is set and there is one.
    look : bool
    needs : mapping of str to str
        Roles (value, time, event) that must be there, with the option that needs them.
    """

    time: str | None = None
    event: str | None = None
    look: bool = True
    needs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EventCells:
    """Columns to add to the rows of a source, and texts that say what is wrong with them.

    `taken` has the positions of the columns that they are made of, by role.
    """

    columns: Sequence[Column] = field(default=())
    reasons: Sequence[Column] = field(default=())
    taken: Mapping[str, int] = field(default_factory=dict)


def event_cells(
    names: Sequence[str],
    events: EventColumns | None,
    source: str,
    cell: Callable[[int], tuple[Column, T.DataType]],
    weight: int | None = None,
    positional: bool = True,
) -> EventCells:
    """Find and read the columns of time and event type.

    Parameters
    ----------
    names : sequence of str
        The columns that are there, in order.
    events : EventColumns or None
        None: nothing is looked for and no column added; a rating as the weight is logged.
    source : str
        Path or table, for messages.
    cell : callable
        The value of a column by its position, and its type.
    weight : int or None
        Position of the weight.
    positional : bool
        The order of the columns means something.

    Returns
    -------
    EventCells
        With columns timestamp, event (null if there is none) and is_rating.

    Raises
    ------
    ColumnsError
        A wanted column is not there, of a wrong type, or not clear.
    """
    is_rating = weight is not None and plain_name(names[weight]) in RATING_NAMES
    if events is None:
        if is_rating and weight is not None:
            logger.info("%s: column %r is the weight (%s)", source, names[weight], _AS_WEIGHT)
        return EventCells()
    look = events.look
    time = _find(names, events.time, TIME_NAMES if look else (), "times", source, positional)
    event = None
    if "event" in events.needs:
        likely = EVENT_NAMES if look else ()
        event = _find(names, events.event, likely, "event types", source, positional)
    _refuse_missing(names, events, {"value": weight, "time": time, "event": event}, source)
    moment, reasons = F.lit(None).cast("timestamp"), []
    if time is not None:
        column, kind = cell(time)
        moment = read_time(column, T.StructField(names[time], kind), source)
        reasons.append(_bad_time(column, moment))
    kind_of_event = F.lit(None) if event is None else cell(event)[0]
    columns = (
        moment.alias(TIMESTAMP),
        kind_of_event.cast("string").alias(EVENT),
        F.lit(is_rating).alias(IS_RATING),
    )
    found = {"time": time, "event": event}
    taken = {role: position for role, position in found.items() if position is not None}
    return EventCells(columns, tuple(reasons), taken)


def _refuse_missing(
    names: Sequence[str], events: EventColumns, found: Mapping[str, int | None], source: str
) -> None:
    """Raise ColumnsError for the first role that is needed and has no column."""
    for role, option in events.needs.items():
        if found[role] is None:
            raise ColumnsError(
                source, f"{option} needs a column '{role}', and there is none", names
            )


def read_time(column: Column, field: T.StructField, source: str) -> Column:
    """Return a time as a timestamp, null if it is none.

    Numbers, also as texts, count from 1970 in UTC: seconds, or thousandths or millionths of them,
    told apart by their size. Other texts are dates and times as in ISO 8601.
    """
    kind = field.dataType
    if isinstance(kind, T.DateType | T.TimestampType | T.TimestampNTZType):
        return column.cast("timestamp")
    if isinstance(kind, T.NumericType):
        return _from_number(column.cast("double"))
    if isinstance(kind, T.StringType):
        # Spark would take a number for a year.
        number = column.rlike(r"^\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?\s*$")
        text = F.when(number, F.lit(None)).otherwise(column).try_cast("timestamp")
        return F.when(number, _from_number(column.try_cast("double"))).otherwise(text)
    raise wrong_type(field, "a time must be a number, a date or a text", source)


def _from_number(number: Column) -> Column:
    size = F.abs(number)
    seconds = (
        F.when(size >= _FIRST_MICROS, number / 1e6)
        .when(size >= _FIRST_MILLIS, number / 1e3)
        .otherwise(number)
    )
    return F.when(
        (seconds >= _EARLIEST) & (seconds <= _LATEST),
        F.timestamp_micros(F.round(seconds * 1e6).cast("long")),
    )


def _bad_time(column: Column, moment: Column) -> Column:
    said = F.concat(
        F.lit("time is '"),
        column.cast("string"),
        F.lit("', but must be seconds since 1970 or a date and time like 2014-07-23 12:30:00"),
    )
    empty = F.when(column.isNull(), F.lit("time is empty"))
    return F.coalesce(empty, F.when(moment.isNull(), said))


def _find(
    names: Sequence[str],
    wanted: str | None,
    known: Sequence[str],
    role: str,
    source: str,
    positional: bool,
) -> int | None:
    """Return the position of a column: the wanted one, or the one with a well-known name."""
    if wanted is not None:
        return position_of(wanted, names, source, positional)
    plain = {plain_name(name) for name in known}
    found = [position for position, name in enumerate(names) if plain_name(name) in plain]
    return only_position(found, role, names, source) if found else None
