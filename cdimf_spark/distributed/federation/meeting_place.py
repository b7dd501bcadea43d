"""The place where the parties meet: each writes its own tables there, and reads the others'.

``PLACE/PARTY/members`` and ``status`` are signed events, ``alignment`` is what finding the shared
users needs, ``exchange/AUDIENCE`` has the rows of the users that exactly these parties have. One
writer a table: no two parties ever commit to the same log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.output.tables import OutputTables, is_missing
from cdimf_spark.errors import FederationError
from cdimf_spark.federation.secrets import is_signed, sign

# Between the parties of an audience.
BETWEEN = "+"
MEMBERS, ALIGNMENT, STATUS = "members", "alignment", "status"
# As [FAILED_READ_FILE.NO_HINT] Encountered ...
_NAMED = re.compile(r"\[[A-Z][A-Z_.]+\].*")
_EVENT = ("training", "event", "round", "writer", "details")


def audience_of(parties: Iterable[str]) -> str:
    """Name of the audience that some parties are: sorted, joined by ``+``."""
    return BETWEEN.join(sorted(parties))


class PeerError(FederationError):
    """A table of another party that cannot be used: a fact about them, which has its rule."""


@dataclass(frozen=True)
class PartyEvent:
    """A signed event of a party. `round` is 0 where it has none."""

    event: str
    round: int
    writer: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class MeetingPlace:
    """One training of a federation, as one party sees it.

    Attributes
    ----------
    root
        Folder of the meeting place, any path that Spark can read.
    federation, training, party
        Names.
    secret
        Key of the digests (`federation.secrets`).
    keep_files
        Seconds for which files of deleted rows stay.
    """

    spark: SparkSession
    root: str
    federation: str
    training: str
    party: str
    secret: bytes
    keep_files: float

    def tables(self, party: str) -> OutputTables:
        """Tables of a party."""
        return OutputTables(self.spark, f"{self.root.rstrip('/')}/{party}")

    @property
    def own(self) -> OutputTables:
        """Tables that this party writes."""
        return self.tables(self.party)

    def has_commit(self, party: str, table: str, number: int) -> bool:
        """Tell whether a table of a party has a commit, by its file: without a job."""
        file = f"{self.tables(party).path(table)}/_delta_log/{number:020d}.json"
        try:
            # The schema makes Spark Connect look.
            return bool(self.spark.read.text(file).schema)
        except AnalysisException as error:
            if is_missing(error):
                return False
            raise

    def append(self, frame: DataFrame, table: str, partition_by: tuple[str, ...] = ()) -> None:
        """Append rows to a table of this party."""
        kept = {"delta.deletedFileRetentionDuration": f"interval {self.keep_files:.0f} seconds"}
        self.own.append(frame, table, partition_by, properties=kept)

    def announce(
        self, table: str, event: str, round: int, writer: str, details: Mapping[str, Any]
    ) -> None:
        """Append a signed event to a table of events of this party."""
        text = json.dumps(details, sort_keys=True)
        values = (self.training, event, round, writer, text)
        digest = sign(self.secret, self.federation, self.party, *values)
        named = dict(zip(_EVENT, values, strict=True))
        columns = [F.lit(value).alias(name) for name, value in named.items()]
        moment = F.lit(datetime.now(UTC)).alias("at")
        row = self.spark.range(0, 1, 1, 1).select(*columns, moment, F.lit(digest).alias("digest"))
        self.append(row, table)

    def events(self, party: str, table: str) -> list[PartyEvent]:
        """Events of a party in this training, by round; empty if there are none yet.

        Raises
        ------
        PeerError
            If they cannot be read, or their digests do not fit.
        """
        try:
            found = self.tables(party).find(table)
            if found is None:
                return []
            mine = found.where(F.col("training") == self.training)
            rows = mine.select(*_EVENT, "digest").collect()
        except Exception as error:
            raise PeerError(f"its table {table!r} cannot be read: {first_line(error)}") from error
        events = []
        for row in rows:
            values = tuple(row[name] for name in _EVENT)
            fields = (self.federation, party, *values)
            if not is_signed(self.secret, bytes(row["digest"]), *fields):
                raise PeerError(
                    f"its table {table!r} has an event {row['event']!r} whose digest does not fit: "
                    "somebody else changed it, or the secret keys differ"
                )
            events.append(
                PartyEvent(row["event"], row["round"], row["writer"], json.loads(row["details"]))
            )
        return sorted(events, key=lambda event: event.round)


def first_line(error: Exception) -> str:
    """What an error says, in a line: from Spark's name of the error on, if there is one."""
    said = str(error).strip() or type(error).__name__
    named = _NAMED.search(said)
    return (named[0] if named else said.splitlines()[0]).strip()[:300]
