"""What a party shows of its users before the first round: written once a training, and said."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.federation.meeting_place import ALIGNMENT, STATUS, MeetingPlace
from cdimf_spark.errors import ConfigurationError

ALIGNED = "aligned"


def show_users(
    place: MeetingPlace, shown: DataFrame, column: str, book: Callable[[int], None]
) -> None:
    """Write what stands for the own users into `alignment`, in an order that says nothing.

    Parameters
    ----------
    shown
        A column that all others may read.
    book
        Called with the number of users before they leave.

    Raises
    ------
    ConfigurationError
        If this party took part in the training before, with other users or further than here.
    """
    rows = shown.select(F.lit(place.training).alias("training"), column).distinct()
    found = rows.select(*digest_of(column)).collect()[0].asDict()
    events = place.events(place.party, STATUS)
    before = [event for event in events if event.event == ALIGNED]
    if any(event.round for event in events) or (before and before[-1].details != found):
        raise ConfigurationError(
            f"party {place.party!r} took part in training {place.training!r} before, and this is "
            "not the same run: go on with it (--resume), or give `training` in the terms a new name"
        )
    if before:
        return
    book(found["users"])
    # Cut and ordered by the column, which says nothing: the order of the data might.
    ordered = rows.repartition(column).sortWithinPartitions(column)
    place.append(ordered, ALIGNMENT, ("training",))
    place.announce(STATUS, ALIGNED, 0, "", found)


def users_shown(place: MeetingPlace, party: str) -> DataFrame:
    """What a party has shown, in this training."""
    return place.tables(party).read(ALIGNMENT).where(F.col("training") == place.training)


def digest_of(column: str) -> tuple[Column, Column]:
    """How many rows, and a number that their content decides, whatever their order."""
    content = F.bit_xor(F.xxhash64(column)).cast("string").alias("content")
    return F.count("*").alias("users"), content
