"""Who is shared: pseudonyms of the users of all parties, joined by each party for itself.

Each party writes the keys of the pseudonyms of its coupled users and reads those of the others. So
it learns which pseudonyms the others have, and no id. The parties that have a user, sorted and
joined by ``+``, are the user's audience.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.indexing import AUDIENCE, PSEUDONYM
from cdimf_spark.distributed.federation.meeting_place import (
    ALIGNMENT,
    STATUS,
    MeetingPlace,
    PartyEvent,
    PeerError,
)
from cdimf_spark.distributed.federation.waiting import wait_for
from cdimf_spark.distributed.preparation.identity import pseudonym_of
from cdimf_spark.errors import ConfigurationError, FederationError
from cdimf_spark.federation.durations import duration_text
from cdimf_spark.federation.terms import Terms
from cdimf_spark.schemas import DOMAIN, USER_ID

logger = logging.getLogger(__name__)

ALIGNED = "aligned"
BETWEEN = "+"


@dataclass(frozen=True)
class Alignment:
    """Interactions with the pseudonyms and audiences of their users.

    Attributes
    ----------
    keyed
        With the columns `PSEUDONYM` and `AUDIENCE`, a number in `audiences` or null.
    audiences
        Names of the audiences that this party's users have.
    """

    keyed: DataFrame
    audiences: tuple[str, ...]


def align(
    place: MeetingPlace,
    terms: Terms,
    keyed: DataFrame,
    coupled: frozenset[str],
    key: bytes,
    book: Callable[[int], None],
) -> Alignment:
    """Find the shared users.

    Parameters
    ----------
    keyed
        Interactions with keys (`with_keys`).
    coupled
        Own domains that take part in the consensus.
    key
        Secret key of the pseudonyms.
    book
        Called with the number of pseudonyms before they leave.

    Raises
    ------
    FederationError
        If a party does not write its pseudonyms in time.
    """
    users = keyed.select(DOMAIN, USER_ID).distinct()
    named = users.withColumn(PSEUDONYM, F.xxhash64(pseudonym_of(USER_ID, key))).persist()
    try:
        own = named.where(F.col(DOMAIN).isin(*coupled))
        _write(place, own, book)
        others = [name for name in terms.parties if name != place.party]
        parties = _parties_of(place, _wait(place, terms, others))
        everybody = F.sort_array(F.array_append("parties", F.lit(place.party)))
        known = own.join(parties, PSEUDONYM).withColumn("name", F.concat_ws(BETWEEN, everybody))
        counts = {row["name"]: row["count"] for row in known.groupBy("name").count().collect()}
        audiences = tuple(sorted(counts))
        for name in audiences:
            logger.info("audience=%s users=%d", name, counts[name])
        if not audiences:
            logger.warning("no user of this party is known to another one: nothing is exchanged")
        number = F.array_position(F.lit(list(audiences)), F.col("name")).cast("int") - 1
        of_user = known.select(DOMAIN, USER_ID, number.alias(AUDIENCE))
        aligned = named.join(of_user, [DOMAIN, USER_ID], "left")
        return Alignment(keyed.join(aligned, [DOMAIN, USER_ID]), audiences)
    finally:
        named.unpersist()


def _write(place: MeetingPlace, own: DataFrame, book: Callable[[int], None]) -> None:
    """Write the own pseudonyms, once a training.

    Raises
    ------
    ConfigurationError
        If this party took part in the training before, with other users or further than here.
    """
    rows = own.select(F.lit(place.training).alias("training"), PSEUDONYM).distinct()
    size = F.count("*").alias("users"), F.bit_xor(PSEUDONYM).cast("string").alias("content")
    found = rows.select(*size).collect()[0].asDict()
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
    # In the order of the pseudonyms, which says nothing: that of the data might.
    place.append(rows.coalesce(1).sortWithinPartitions(PSEUDONYM), ALIGNMENT, ("training",))
    place.announce(STATUS, ALIGNED, 0, "", found)


def _aligned(place: MeetingPlace, party: str) -> PartyEvent | None:
    events = [event for event in place.events(party, STATUS) if event.event == ALIGNED]
    return events[-1] if events else None


def _wait(place: MeetingPlace, terms: Terms, others: list[str]) -> list[str]:
    """Wait until all others have written their pseudonyms."""

    def ask(waited: float) -> list[str] | str:
        try:
            missing = [name for name in others if _aligned(place, name) is None]
        except PeerError as error:
            raise FederationError(f"the pseudonyms of a party cannot be used: {error}") from error
        if not missing:
            return others
        names = ", ".join(f"party {name!r}" for name in missing)
        if waited > terms.join_timeout:
            raise FederationError(
                f"{names} did not write its pseudonyms within {duration_text(terms.join_timeout)} "
                "(join_timeout). Ask them, and start again"
            )
        return f"the pseudonyms of {names}"

    return wait_for(ask)


def _parties_of(place: MeetingPlace, others: list[str]) -> DataFrame:
    """The other parties that have each pseudonym: `PSEUDONYM`, `parties` (sorted)."""
    rows = [
        place.tables(name)
        .read(ALIGNMENT)
        .where(F.col("training") == place.training)
        .select(PSEUDONYM, F.lit(name).alias("party"))
        for name in others
    ]
    every = reduce(DataFrame.union, rows).distinct()
    return every.groupBy(PSEUDONYM).agg(F.sort_array(F.collect_set("party")).alias("parties"))
