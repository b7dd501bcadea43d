"""Shared users by private set intersection: those of plain sets, and nothing else leaves."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.indexing import PSEUDONYM
from cdimf_spark.distributed.federation.aligning.intersection import (
    blinding_key,
    parties_by_intersection,
)
from cdimf_spark.distributed.federation.meeting_place import MeetingPlace
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.errors import FederationError
from cdimf_spark.federation.terms import Terms
from tests.support.parties import Federation, at_once
from tests.support.pseudonyms import pseudonym
from tests.support.sending import place_of
from tests.support.trained_tables import published

USERS = {
    "books": ["ann", "bob", "cem", "dan", "eva"],
    "films": ["bob", "cem", "eva", "fox"],
    "games": ["cem", "eva", "gil"],
}
TERMS = Terms.from_dict({"federation": "shops", "parties": sorted(USERS), "join_timeout": "5m"})


def users_of(spark: SparkSession, party: str) -> DataFrame:
    names = [(pseudonym(user),) for user in USERS[party]]
    frame = spark.createDataFrame(names, "name string")
    return frame.withColumn(PSEUDONYM, F.xxhash64("name"))


def find(
    place: MeetingPlace, private: Path, booked: list[tuple[str, str, int]]
) -> dict[str, list[str]]:
    """The other parties of each own user."""
    own = users_of(place.spark, place.party)
    tables = OutputTables(place.spark, str(private))
    key = blinding_key(tables, place.training)
    assert key == blinding_key(tables, place.training)
    found = parties_by_intersection(
        place, TERMS, own, key, lambda what, who, n: booked.append((what, who, n))
    )
    names = {pseudonym(user): user for user in USERS[place.party]}
    return {names[row["name"]]: row["parties"] for row in found.join(own, PSEUDONYM).collect()}


@pytest.mark.long
def test_each_party_finds_who_has_its_users(spark: SparkSession, tmp_path: Path) -> None:
    booked: dict[str, list[tuple[str, str, int]]] = {name: [] for name in USERS}
    places = {name: place_of(spark, tmp_path / "place", name) for name in USERS}
    calls = [partial(find, places[name], tmp_path / name, booked[name]) for name in USERS]
    found = dict(zip(USERS, at_once(calls), strict=True))
    for party, users in USERS.items():
        others = {user: [n for n in USERS if n != party and user in USERS[n]] for user in users}
        assert found[party] == {user: names for user, names in others.items() if names}
    assert booked["games"] == [
        ("points", "*", 3),
        ("points of another party", "books+games", 5),
        ("points of another party", "films+games", 4),
    ]
    # A party that was stopped here answers the same, and writes nothing twice.
    assert find(places["games"], tmp_path / "games", booked["games"]) == found["games"]
    assert len(booked["games"]) == 3
    # No pseudonym, and no key of one, is in the meeting place.
    keys = {row[PSEUDONYM] for name in USERS for row in users_of(spark, name).collect()}
    secrets = [pseudonym(user).encode() for users in USERS.values() for user in users]
    secrets += [key.to_bytes(8, "little", signed=True) for key in keys]
    for file in (tmp_path / "place").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [one for one in secrets if one in content], file
    # Points that somebody has changed are not what the party signed.
    table = tmp_path / "place" / "books" / "alignment"
    spark.read.format("delta").load(str(table)).limit(4).write.format("delta").mode(
        "overwrite"
    ).save(str(table))
    with pytest.raises(FederationError, match="'books': its points are not those that it signed"):
        find(places["films"], tmp_path / "films", [])


@pytest.mark.long
def test_a_training_is_the_same_as_with_pseudonyms(federation: Federation, tmp_path: Path) -> None:
    terms = {**federation.terms, "identity": "psi"}
    again = Federation(federation.spark, tmp_path, federation.domains, terms)
    again.train_all()
    for party in federation.domains:
        assert published(again.spark, again.output(party)) == published(
            again.spark, federation.output(party)
        )
