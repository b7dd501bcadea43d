"""Finding shared users: `python -m tests.benchmarks.intersection [--users 1e6]`.

Two parties in one session on this machine, each with so many users, half of them the other's too:
by pseudonyms, and by private set intersection.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.federation.aligning.alignment import Aligner
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.session import build_session
from cdimf_spark.federation.terms import Terms
from tests.support.parties import KEY, at_once
from tests.support.sending import place_of

PARTIES = ("books", "films")


def users_of(spark: SparkSession, party: str, n_users: int) -> DataFrame:
    """A row a user, as keyed interactions have them."""
    first = PARTIES.index(party) * n_users // 2
    numbers = spark.range(first, first + n_users)
    return numbers.select(
        F.lit(party).alias("domain"), F.concat(F.lit("customer-"), "id").alias("user_id")
    )


def seconds_of(spark: SparkSession, identity: str, n_users: int, folder: Path) -> float:
    """How long both take to know the audiences of their users."""
    terms = Terms.from_dict({"federation": "shops", "parties": PARTIES, "identity": identity})

    def align(party: str) -> None:
        place = place_of(spark, folder / "place", party)
        private = OutputTables(spark, str(folder / party))
        aligner = Aligner(place, terms, KEY, private, lambda what, who, n: None)
        found = aligner.align(users_of(spark, party, n_users), frozenset({party}))
        assert found.audiences == ("books+films",)

    start = time.perf_counter()
    at_once([partial(align, party) for party in PARTIES])
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=float, default=1e6)
    parser.add_argument("--driver-memory", default="4g")
    given = parser.parse_args()
    spark = build_session(spark__driver__memory=given.driver_memory)
    for identity in ("pseudonyms", "psi"):
        with tempfile.TemporaryDirectory() as folder:
            seconds = seconds_of(spark, identity, int(given.users), Path(folder))
            print(
                f"{identity}: users={given.users:,.0f} a party, seconds={seconds:.1f}", flush=True
            )


if __name__ == "__main__":
    main()
