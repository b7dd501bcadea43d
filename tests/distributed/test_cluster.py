"""What is said of a master that is silent, and of executors that do not come."""

from __future__ import annotations

import logging
import socket
from threading import Event
from unittest.mock import Mock

import pytest

from cdimf_spark.distributed.cluster import check_master, watch_for_executors
from cdimf_spark.errors import ClusterError


@pytest.fixture
def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def address_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("master", ["local[2]", "yarn", "k8s://https://nowhere:1", ""])
def test_only_standalone_masters_are_asked(master: str) -> None:
    check_master(master)


def test_one_of_several_masters_is_enough(listening: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        closed = address_of(other)
    check_master(f"spark://{closed},{address_of(listening)}")
    with pytest.raises(ClusterError, match=rf"spark://{closed},{closed} does not answer \(Conn"):
        check_master(f"spark://{closed},{closed}")


@pytest.mark.parametrize("master", ["spark://host", "spark://host:seven", "spark://:7077"])
def test_an_address_that_is_none(master: str) -> None:
    with pytest.raises(ClusterError, match="is not of the form host:port"):
        check_master(master)


def session(master: str, settings: dict[str, str]) -> Mock:
    spark = Mock()
    values = settings | {"spark.master": master}
    spark.conf.get.side_effect = lambda name, default=None: values.get(name, default)
    return spark


def test_executors_that_do_not_come_are_said_until_they_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    spark = session("spark://m:1", {"spark.executor.memory": "8g", "spark.executor.cores": "4"})
    came = Event()
    spark.range.return_value.count.side_effect = came.wait
    watch = watch_for_executors(spark, seconds=0.05)
    assert watch is not None
    while len(caplog.records) < 2:
        watch.join(0.01)
    came.set()
    watch.join()
    first = caplog.records[0].getMessage()
    assert caplog.records[0].levelno == logging.WARNING
    assert "no executor has run a task in 0 s" in first
    assert "spark.executor.memory=8g (spark.executor.memoryOverhead=the default)" in first
    assert "spark.executor.cores=4" in first


def test_executors_that_come_are_not_talked_about(caplog: pytest.LogCaptureFixture) -> None:
    watch = watch_for_executors(session("yarn", {}), seconds=60.0)
    assert watch is not None
    watch.join()
    assert caplog.records == []


def test_a_local_session_is_not_watched() -> None:
    assert watch_for_executors(session("local[2]", {})) is None
