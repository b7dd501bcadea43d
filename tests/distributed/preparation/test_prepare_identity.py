"""Who is who: link tables, ids kept apart, pseudonyms, and accidental ids in Spark."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.preparation.identity import hash_users, keep_apart, read_key
from cdimf_spark.distributed.preparation.links import apply_links, read_links
from cdimf_spark.distributed.preparation.numbering import find_accidents, warning_text
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.input_errors import MissingInputError
from cdimf_spark.preparation.prepare_options import PrepareOptions
from tests.support.inputs import write

DOMAINS = ["sport", "cloth"]


@pytest.fixture
def users(spark: SparkSession) -> DataFrame:
    rows = [("sport", "1"), ("sport", "20"), ("sport", "ann"), ("cloth", "1"), ("cloth", "20")]
    return spark.createDataFrame(rows, "domain string, user_id string")


def ids(frame: DataFrame) -> list[tuple[str, str]]:
    return sorted((row["domain"], row["user_id"]) for row in frame.collect())


def test_keep_apart(users: DataFrame) -> None:
    assert ids(keep_apart(users, PrepareOptions(), DOMAINS)) == ids(users)
    everything = keep_apart(users, PrepareOptions(keep_apart="all"), DOMAINS)
    assert ids(everything) == sorted((d, f"{d}:{u}") for d, u in ids(users))
    above = keep_apart(users, PrepareOptions(keep_apart_above=19), DOMAINS)
    assert ids(above) == [
        *(("cloth", "1"), ("cloth", "cloth:20")),
        *(("sport", "1"), ("sport", "ann"), ("sport", "sport:20")),
    ]


def test_an_id_that_looks_like_one_kept_apart(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("sport", "cloth:20")], "domain string, user_id string")
    with pytest.raises(DataError, match="'cloth:20' begins with the name of a domain"):
        keep_apart(frame, PrepareOptions(keep_apart_above=19), DOMAINS)


def test_pseudonyms_are_those_of_the_standard_library(users: DataFrame, tmp_path: Path) -> None:
    key = b"0123456789abcdef0123456789abcdef"
    options = PrepareOptions(key_file=str(write(tmp_path / "key", key + b"\n")))
    hashed = hash_users(users, read_key(options.key_file, options.key_env))
    expected = sorted(
        (d, hmac.new(key, u.encode(), hashlib.sha256).hexdigest()) for d, u in ids(users)
    )
    assert ids(hashed) == expected


def test_the_key_is_not_shown(
    users: DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", "a key that nobody should see")
    options = PrepareOptions(key_env="SECRET_OF_TEST")
    hash_users(users, read_key(options.key_file, options.key_env)).explain(extended=True)
    shown = capsys.readouterr().out + repr(options)
    assert "pseudonym" in shown
    assert "nobody should see" not in shown


def test_bad_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read_key(None, None) is None
    with pytest.raises(ConfigurationError, match="No such file"):
        read_key(str(tmp_path / "no"), None)
    with pytest.raises(ConfigurationError, match="'NOT_THERE' is not set"):
        read_key(None, "NOT_THERE")
    monkeypatch.setenv("SHORT_KEY", "abc")
    with pytest.raises(ConfigurationError, match="key of 3 bytes: at least 16") as caught:
        read_key(None, "SHORT_KEY")
    assert "abc" not in str(caught.value)


LINKS = "domain,user_id,person_id\nsport,1,p1\ncloth,1,p2\ncloth,20,p1\ncloth,20,p1\nother,9,p1\n"


def test_links(spark: SparkSession, users: DataFrame, tmp_path: Path) -> None:
    links = read_links(spark, str(write(tmp_path / "links.csv", LINKS)))
    linked, counts = apply_links(users, links, DOMAINS)
    assert ids(linked) == [
        *(("cloth", "p1"), ("cloth", "p2")),
        *(("sport", "p1"), ("sport", "sport:20"), ("sport", "sport:ann")),
    ]
    assert {name: (c["linked"], c["unlinked"]) for name, c in counts.items()} == {
        **{"sport": (1, 2), "cloth": (2, 0)}
    }


def test_misspelt_domain_of_a_link_is_a_warning(
    spark: SparkSession, users: DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [("sprot", 1, 7), ("sport", 1, 7)]
    table = spark.createDataFrame(rows, "domain string, user_id int, person_id int")
    with caplog.at_level("WARNING"):
        apply_links(users, read_links(spark, table), DOMAINS)
    assert [record.message for record in caplog.records] == [
        "the link table has a domain 'sprot' that is not prepared: did you mean 'sport'?"
    ]


def test_two_ids_of_one_person(spark: SparkSession, users: DataFrame) -> None:
    rows = [("sport", 1, 7), ("sport", 20, 7)]
    table = spark.createDataFrame(rows, "domain string, user_id int, person_id int")
    linked, counts = apply_links(users, read_links(spark, table), DOMAINS)
    assert ids(linked).count(("sport", "7")) == 2
    assert counts["sport"]["several_accounts"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LINKS + "cloth,20,p3\n", "user '20' of domain 'cloth' is linked to two persons, 'p1' and"),
        (LINKS + "cloth,21,\n", "person_id is empty"),
        ("domain,user,person\nsport,1,p\n", "domain, user_id and person_id are wanted; present"),
    ],
)
def test_bad_links(spark: SparkSession, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_links(spark, str(write(tmp_path / "links.csv", text)))


def test_no_link_table_and_a_person_like_a_local_user(
    spark: SparkSession, users: DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(MissingInputError):
        read_links(spark, str(tmp_path / "links.csv"))
    rows = [("sport", "1", "sport:20")]
    table = spark.createDataFrame(rows, "domain string, user_id string, person_id string")
    with pytest.raises(DataError, match="begins with the name of a domain"):
        apply_links(users, read_links(spark, table), DOMAINS)


def test_accidental_ids(spark: SparkSession) -> None:
    """Strangers with numbers from 0; the same numbers with letters are not looked at."""
    counts = "1 + pmod(xxhash64(id, '{}'), 6)"
    frames = [
        spark.sql(
            f"select '{name}' as domain, id as number, explode(sequence(1, {counts.format(name)}))"
            " as item from range(2000)"
        )
        for name in DOMAINS
    ]
    events = frames[0].unionByName(frames[1])
    numbered = events.selectExpr("domain", "string(number) user_id", "string(item) item_id")
    (finding,) = find_accidents(numbered, DOMAINS)
    assert (finding["domains"], finding["above"], finding["n_ids"]) == (DOMAINS, -1, 2000)
    assert "--keep-apart all" in warning_text(finding)
    lettered = events.selectExpr("domain", "concat('u', number) user_id", "string(item) item_id")
    assert find_accidents(lettered, DOMAINS) == []
