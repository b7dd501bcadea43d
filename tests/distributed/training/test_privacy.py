"""What leaves a domain: every byte of the exchanged tables, and every word of the consensus."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.configuration.sizing import plan
from cdimf_spark.distributed.blocks.block_rows import decode
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.distributed.training.steps.shared_users import (
    ConsensusSettings,
    Exchange,
    update_consensus,
)
from cdimf_spark.kernel.initialization import domain_item_keys, id_keys
from tests.support.helpers import Domains, factors_by_id, to_spark
from tests.support.trained_tables import config_of, read
from tests.support.training_in_memory import some_domains

SEAM = ("exchange", "consensus")


@pytest.fixture(scope="module")
def private() -> Domains:
    """Items and users have names, and weights digits, that nothing else has by accident."""
    rng = np.random.default_rng(0)
    domains = some_domains(seed=8, n_users=30)
    for domain, frame in domains.items():
        frame["item_id"] = [f"{domain}-item-{name}" for name in frame["item_id"]]
        frame["user_id"] = [f"user-{name}" for name in frame["user_id"]]
        frame["weight"] = rng.uniform(0.5, 3.0, len(frame))
    return domains


@pytest.fixture(scope="module")
def output(spark: SparkSession, private: Domains, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("private") / "model"
    options = {"max_iter": 2, "aggregation_period": 1, "keep_iterations": 2}
    train(spark, to_spark(spark, private), config_of(private, folder, **options))
    return folder


def unshared(private: Domains) -> list[str]:
    users = [set(frame["user_id"]) for frame in private.values()]
    return sorted(u for u in set().union(*users) if sum(u in own for own in users) == 1)


def secrets(spark: SparkSession, private: Domains, output: Path) -> Iterator[tuple[str, bytes]]:
    """What no other domain may learn, in every form in which it could be written down."""
    items = sorted({item for frame in private.values() for item in frame["item_id"]})
    yield from names_and_keys([*items, *unshared(private)])
    for domain, frame in private.items():
        for name, key in zip(items, domain_item_keys(domain, id_keys(items)), strict=True):
            yield f"{domain} key of {name}", np.asarray(key).tobytes()
        for weight in frame["weight"].unique():
            yield f"a weight of {domain}", np.float32(weight).tobytes()
            yield f"a weight of {domain}", np.float64(weight).tobytes()
    alone = set(unshared(private))
    for table in ("item_factors", "user_factors"):
        for (domain, name), row in factors_by_id(read(spark, output, table)).items():
            if table == "item_factors" or name in alone:
                yield f"factors of {domain} {name}", np.asarray(row, np.float32).tobytes()


def names_and_keys(names: list[str]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        key = id_keys([name])
        yield name, name.encode()
        yield f"key of {name}", key.tobytes()
        yield f"key of {name} as text", str(int(key[0])).encode()


def written(output: Path) -> bytes:
    """Names, logs, statistics and cells of the exchanged tables, of all their versions."""
    found = []
    for table in SEAM:
        for path in sorted((output / table).rglob("*")):
            found.append(str(path.relative_to(output)).encode())
            if path.is_file():
                found.append(path.read_bytes())
            if path.suffix == ".parquet":
                found += cells(pq.ParquetFile(path))
    return b"\n".join(found)


def cells(file: pq.ParquetFile) -> Iterator[bytes]:
    """Everything that a file says, also where it is encoded."""
    yield str(file.metadata.metadata).encode() + str(file.schema).encode()
    for column in file.read().columns:
        for value in column.to_pylist():
            yield value if isinstance(value, bytes) else str(value).encode()


def test_nothing_private_is_in_the_exchanged_tables(
    spark: SparkSession, private: Domains, output: Path
) -> None:
    everything = written(output)
    leaked = [name for name, secret in secrets(spark, private, output) if secret in everything]
    assert leaked == []
    # The same search finds what is meant to be there, and what is in a domain's own tables.
    exchange = read(spark, output, "exchange").toArrow()
    keys = decode(exchange, "exchange_keys", domain="books", iteration=2)
    assert keys[:1].tobytes() in everything
    own = b"".join(p.read_bytes() for p in (output / "blocks").rglob("*.parquet"))
    assert all(user.encode() in own for user in unshared(private))


def test_the_exchanged_rows_are_as_many_as_the_shared_users(
    spark: SparkSession, private: Domains, output: Path
) -> None:
    """No room is left for anything else in the payloads."""
    exchange, z = (read(spark, output, table).toArrow() for table in SEAM)
    assert set(exchange.column("kind").to_pylist()) == {"exchange", "exchange_keys"}
    assert set(z.column("kind").to_pylist()) == {"z"}
    alone = set(unshared(private))
    for name, frame in private.items():
        n_shared = len(set(frame["user_id"]) - alone)
        for iteration in (1, 2):
            where = {"domain": name, "iteration": iteration}
            assert len(decode(exchange, "exchange_keys", **where)) == n_shared
            assert len(decode(exchange, "exchange", **where)) == 8 * n_shared
            assert len(decode(z, "z", **where)) == 8 * n_shared


def test_an_iteration_takes_the_room_that_the_plan_says(
    spark: SparkSession, private: Domains, output: Path
) -> None:
    found = 0
    for table in (*SEAM, "state"):
        rows = read(spark, output, table).where("iteration = 2")
        found += rows.selectExpr("sum(octet_length(payload))").collect()[0][0]
    n_users = sum(len(set(frame["user_id"])) for frame in private.values())
    n_shared = n_users - len(unshared(private))
    assert plan(n_users, 1, 1, rank=8, shared=n_shared).disk_iteration == found


def exchanged(n_keys: int, n_rows: int) -> Exchange:
    keys = id_keys([f"user-{number}" for number in range(n_keys)])
    return Exchange(np.sort(keys), np.full((n_rows, 4), 0.123456, np.float32))


@pytest.mark.parametrize("n_rows", [2, 3, 5])
def test_what_the_consensus_says_when_it_fails(
    n_rows: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its errors come from rows of several domains, and everybody may read them."""
    settings = ConsensusSettings(
        rho={"a": 1.0, "b": 1.0}, proximal="identity", proximal_strength=0.0
    )
    said = ""
    with caplog.at_level(logging.DEBUG):
        try:
            update_consensus({"a": exchanged(2, 2), "b": exchanged(2, n_rows)}, settings)
            assert n_rows == 2
        except ValueError as error:
            assert n_rows != 2
            said = str(error)
    shown = capfd.readouterr()
    said += caplog.text + shown.out + shown.err
    keys = [str(key) for key in id_keys(["user-0", "user-1"])]
    assert not [word for word in ("user-", "0.123", *keys) if word in said]
    # At most sizes.
    assert all(len(number) <= 2 for number in re.findall(r"\d+", said))
