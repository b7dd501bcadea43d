"""Who is shared: the parties that have each user, found by each party for itself.

By pseudonyms: each party shows the keys of the pseudonyms of its coupled users and reads those of
the others; so it learns which pseudonyms they have, and no id. Or by `intersection`. The parties
that have a user, sorted and joined by ``+``, are the user's audience.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.indexing import AUDIENCE, PSEUDONYM
from cdimf_spark.distributed.federation.aligning.intersection import (
    blinding_key,
    parties_by_intersection,
)
from cdimf_spark.distributed.federation.aligning.own_users import ALIGNED, show_users, users_shown
from cdimf_spark.distributed.federation.meeting_place import BETWEEN, MeetingPlace
from cdimf_spark.distributed.federation.waiting_for_events import wait_for_events
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.preparation.identity import pseudonym_of
from cdimf_spark.federation.terms import PSI, Terms
from cdimf_spark.schemas import DOMAIN, USER_ID

logger = logging.getLogger(__name__)

# Called with what leaves, for whom, and for how many users, before it does.
Book = Callable[[str, str, int], None]


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


@dataclass(frozen=True)
class Aligner:
    """How a party finds its shared users.

    Attributes
    ----------
    key
        Secret key of the pseudonyms, which all parties have.
    private
        Tables of the own output.
    book
        See `Book`.
    """

    place: MeetingPlace
    terms: Terms
    key: bytes
    private: OutputTables
    book: Book

    def align(self, keyed: DataFrame, coupled: frozenset[str]) -> Alignment:
        """Find the shared users.

        Parameters
        ----------
        keyed
            Interactions with keys (`with_keys`).
        coupled
            Own domains that take part in the consensus.

        Raises
        ------
        FederationError
            If a party does not take part in time.
        """
        users = keyed.select(DOMAIN, USER_ID).distinct()
        text = users.withColumn("name", pseudonym_of(USER_ID, self.key))
        named = text.withColumn(PSEUDONYM, F.xxhash64("name")).persist()
        try:
            own = named.where(F.col(DOMAIN).isin(*coupled))
            known = self._with_audiences(own)
            audiences = _log_audiences(known)
            number = F.array_position(F.lit(list(audiences)), F.col("audience_name"))
            of_user = known.select(DOMAIN, USER_ID, (number.cast("int") - 1).alias(AUDIENCE))
            aligned = named.drop("name").join(of_user, [DOMAIN, USER_ID], "left")
            return Alignment(keyed.join(aligned, [DOMAIN, USER_ID]), audiences)
        finally:
            named.unpersist()

    def _with_audiences(self, own: DataFrame) -> DataFrame:
        """Own users that others have too, with the names of their audiences."""
        place, terms = self.place, self.terms
        if terms.identity == PSI:
            secret = blinding_key(self.private, place.training)
            parties = parties_by_intersection(place, terms, own, secret, self.book)
        else:
            show_users(place, own, PSEUDONYM, lambda n: self.book("pseudonyms", "*", n))
            parties = _parties_by_pseudonyms(place, terms)
        everybody = F.sort_array(F.array_append("parties", F.lit(place.party)))
        audience = F.concat_ws(BETWEEN, everybody).alias("audience_name")
        return own.join(parties, PSEUDONYM).select(DOMAIN, USER_ID, audience)


def _log_audiences(known: DataFrame) -> tuple[str, ...]:
    """How many users are shared with whom, before anything is exchanged; names of the audiences."""
    counted = known.groupBy("audience_name").agg(F.countDistinct(USER_ID)).collect()
    sizes: dict[str, int] = {row[0]: row[1] for row in counted}
    for name in sorted(sizes):
        logger.info("audience=%s users=%d", name, sizes[name])
    if not sizes:
        logger.warning("no user of this party is known to another one: nothing is exchanged")
    return tuple(sorted(sizes))


def _parties_by_pseudonyms(place: MeetingPlace, terms: Terms) -> DataFrame:
    """The other parties that have each pseudonym: `PSEUDONYM`, `parties` (sorted)."""
    others = [name for name in terms.parties if name != place.party]
    wait_for_events(place, terms, others, ALIGNED, "the pseudonyms")
    rows = [
        users_shown(place, name).select(PSEUDONYM, F.lit(name).alias("party")) for name in others
    ]
    every = reduce(DataFrame.union, rows).distinct()
    return every.groupBy(PSEUDONYM).agg(F.sort_array(F.collect_set("party")).alias("parties"))
