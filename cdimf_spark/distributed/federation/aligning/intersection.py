"""Private set intersection between each pair of parties: `identity: psi`.

Each party shows its users as points blinded with a key of its own (`federation.blinding`), blinds
those of each other party once more, and gives each the result. A user of both has the same point
then. So a party learns how many users each other one has, and which of its own users they have too;
of their other users it learns nothing, though it has the key of the pseudonyms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.indexing import PSEUDONYM
from cdimf_spark.distributed.federation.aligning.own_users import (
    ALIGNED,
    digest_of,
    show_users,
    users_shown,
)
from cdimf_spark.distributed.federation.meeting_place import (
    STATUS,
    MeetingPlace,
    PartyEvent,
    audience_of,
)
from cdimf_spark.distributed.federation.waiting_for_events import last_event, wait_for_events
from cdimf_spark.distributed.output.tables import BLINDING, OutputTables
from cdimf_spark.distributed.workers import apply_to_partitions
from cdimf_spark.errors import FederationError
from cdimf_spark.federation.blinding import blind_names, blind_points, new_blinding_key
from cdimf_spark.federation.terms import Terms

REBLINDED = "reblinded"
_TWICE_TEXT = "the points of this party, blinded once more"
# A point as its party showed it, and blinded by the other one as well.
_POINT, _TWICE, _NAME = "point", "twice", "name"


def blinding_key(private: OutputTables, training: str) -> bytes:
    """The own secret scalar of a training, kept in the private output until it is over."""
    found = private.find(BLINDING)
    rows = [] if found is None else found.where(F.col("training") == training).collect()
    if rows:
        return bytes(rows[0]["key"])
    key = new_blinding_key()
    row = private.spark.range(0, 1, 1, 1).select(F.lit(training).alias("training"))
    private.append(row.withColumn("key", F.lit(key)), BLINDING)
    return key


def parties_by_intersection(
    place: MeetingPlace,
    terms: Terms,
    own: DataFrame,
    key: bytes,
    book: Callable[[str, str, int], None],
) -> DataFrame:
    """The other parties that have each own user: `PSEUDONYM`, `parties` (sorted).

    Parameters
    ----------
    own
        Own coupled users: `PSEUDONYM` (a number) and `name`, the text that it was made of.
    key
        See `blinding_key`.
    book
        Called with what leaves, for whom (parties joined by ``+``; ``*``: all) and for how many
        users, before it does.

    Raises
    ------
    FederationError
        If a party does not take part in time, or what it wrote is no answer.
    """
    names = own.select(PSEUDONYM, _NAME).distinct()
    points = _blinded(names, key).persist()
    try:
        show_users(place, points, _POINT, lambda users: book("points", "*", users))
        others = [name for name in terms.parties if name != place.party]
        shown = wait_for_events(place, terms, others, ALIGNED, "the points of its users")
        found = []
        for party in others:
            theirs = _answer(place, party, shown[party], key, book)
            found.append(theirs.select(_TWICE, F.lit(party).alias("party")))
        answers = wait_for_events(place, terms, others, f"{REBLINDED} {place.party}", _TWICE_TEXT)
        mine = [_answered(place, party, answers[party], points) for party in others]
        both = reduce(DataFrame.union, mine).join(reduce(DataFrame.union, found), ["party", _TWICE])
        grouped = both.groupBy(PSEUDONYM).agg(F.sort_array(F.collect_set("party")).alias("parties"))
        return grouped.localCheckpoint()
    finally:
        points.unpersist()


def table_for(place: MeetingPlace, party: str) -> str:
    """Name of the table of points that only a pair of parties may read."""
    return f"{REBLINDED}/{audience_of((place.party, party))}"


def _blinded(names: DataFrame, key: bytes) -> DataFrame:
    def call(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            points = blind_names(key, batch.column(_NAME).to_pylist())
            columns = [batch.column(PSEUDONYM), pa.array(points, pa.binary())]
            yield pa.RecordBatch.from_arrays(columns, [PSEUDONYM, _POINT])

    return apply_to_partitions(names, call, f"{PSEUDONYM} long, {_POINT} binary")


def _blinded_again(points: DataFrame, key: bytes) -> DataFrame:
    def call(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            once = batch.column(_POINT)
            twice = pa.array(blind_points(key, once.to_pylist()), pa.binary())
            yield pa.RecordBatch.from_arrays([once, twice], [_POINT, _TWICE])

    return apply_to_partitions(points, call, f"{_POINT} binary, {_TWICE} binary")


def _answer(
    place: MeetingPlace,
    party: str,
    shown: PartyEvent,
    key: bytes,
    book: Callable[[str, str, int], None],
) -> DataFrame:
    """Blind the points of another party, and give them to it: once a training."""
    theirs = users_shown(place, party).select(_POINT).distinct()
    _check(party, theirs, _POINT, shown, "points")
    again = _blinded_again(theirs, key)
    table = table_for(place, party)
    before = last_event(place, place.party, f"{REBLINDED} {party}")
    if before is None:
        book("points of another party", audience_of((place.party, party)), shown.details["users"])
        rows = again.withColumn("training", F.lit(place.training))
        place.append(rows.repartition(_POINT).sortWithinPartitions(_POINT), table, ("training",))
        place.announce(STATUS, f"{REBLINDED} {party}", 0, "", dict(shown.details))
    written = place.own.read(table).where(F.col("training") == place.training)
    return written.select(_TWICE).distinct()


def _answered(place: MeetingPlace, party: str, event: PartyEvent, points: DataFrame) -> DataFrame:
    """The own users as another party blinded them: `PSEUDONYM`, twice, party."""
    table = table_for(place, party)
    rows = place.tables(party).read(table).where(F.col("training") == place.training)
    rows = rows.select(_POINT, _TWICE).distinct()
    _check(party, rows, _POINT, event, "answers")
    joined = points.join(rows, _POINT)
    return joined.select(PSEUDONYM, _TWICE, F.lit(party).alias("party"))


def _check(party: str, rows: DataFrame, column: str, event: PartyEvent, what: str) -> None:
    """Compare what is there with what the party has signed."""
    found = rows.select(*digest_of(column)).collect()[0].asDict()
    if found != dict(event.details):
        counts = f"{found['users']} are there, {event.details['users']} were written"
        raise FederationError(
            f"party {party!r}: its {what} are not those that it signed ({counts}): somebody "
            "changed them. Ask them, and start a new training"
        )
