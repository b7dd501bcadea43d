"""Parties compare their terms before anything else leaves them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.federation import joining
from cdimf_spark.distributed.federation.joining import join
from cdimf_spark.distributed.federation.party import Party
from cdimf_spark.errors import ConfigurationError, FederationError
from cdimf_spark.federation.secrets import digest_key
from cdimf_spark.federation.terms import Terms
from tests.support.parties import Federation
from tests.support.sending import place_of
from tests.support.training_in_memory import some_domains


def terms(**values: object) -> Terms:
    common = {"federation": "shops", "parties": ["books", "films"], "join_timeout": 0.5}
    return Terms.from_dict({**common, **values})


def test_all_parties_learn_the_others(spark: SparkSession, tmp_path: Path) -> None:
    books, films = (place_of(spark, tmp_path, name) for name in ("books", "films"))
    with pytest.raises(FederationError, match=r"party 'films' did not join .* within 0.5s"):
        join(books, terms(), {"books": 1.0})
    members = join(films, terms(), {"films": 2.0, "series": 3.0})
    assert members.by_domain == {"books": 1.0, "films": 2.0, "series": 3.0}
    # Who comes again says it once.
    assert join(books, terms(), {"books": 1.0}).rho == members.rho
    assert len(books.events("books", "members")) == 1


def test_a_difference_names_option_and_party(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books, films = (place_of(spark, tmp_path, name) for name in ("books", "films"))
    with pytest.raises(FederationError):
        join(books, terms(), {"books": 1.0})
    words = r"the terms of party 'books' differ: rank is 8, there 64; seed is 3, there 0"
    with pytest.raises(ConfigurationError, match=words):
        join(films, terms(rank=8, seed=3), {"films": 1.0})
    with pytest.raises(ConfigurationError, match="terms of this party's own earlier run differ"):
        join(books, terms(rank=8), {"books": 1.0})
    other = place_of(spark, tmp_path, "films", digest_key(b"another key", "shops"))
    with pytest.raises(ConfigurationError, match=r"party '.*': .*the secret keys differ"):
        join(other, terms(), {"films": 1.0})


def test_two_domains_of_one_name(spark: SparkSession, tmp_path: Path) -> None:
    books, films = (place_of(spark, tmp_path, name) for name in ("books", "films"))
    with pytest.raises(FederationError):
        join(books, terms(), {"shop": 1.0})
    with pytest.raises(ConfigurationError, match="'books' and 'films' both have a domain 'shop'"):
        join(films, terms(), {"shop": 1.0})


def test_another_version_of_the_state_is_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books, films = (place_of(spark, tmp_path, name) for name in ("books", "films"))
    with pytest.raises(FederationError):
        join(books, terms(), {"books": 1.0})
    monkeypatch.setattr(joining, "STATE_FORMAT", 99)
    with pytest.raises(ConfigurationError, match=r"party 'books' has .*: use one version"):
        join(films, terms(), {"films": 1.0})


def test_the_configuration_of_a_party_is_checked(spark: SparkSession, tmp_path: Path) -> None:
    domains = some_domains(names=("books", "films"))
    federation = Federation(spark, tmp_path, domains, {"rank": 6})
    assert Party.of(spark, federation.config("books")).config.model.rank == 6
    with pytest.raises(ConfigurationError, match=r"rank is 9, but the terms of .* say 6"):
        Party.of(spark, federation.config("books", rank=9))
    with pytest.raises(
        ConfigurationError, match=r"party 'books' is none of those in .*: films, tv"
    ):
        Party.of(spark, federation.config("books", terms={"parties": ["films", "tv"]}))
