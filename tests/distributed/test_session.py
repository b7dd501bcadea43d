"""Spark properties files, and which settings a session is built with."""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed import session
from cdimf_spark.distributed.session import read_properties, session_properties
from cdimf_spark.errors import ConfigurationError
from tests.conftest import ROOT


def test_names_values_comments_and_blanks(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("# comment\n\n  spark.a   1\nspark.b\tx y=z \n\t# another\nspark.a 2\n")
    assert read_properties(path) == {"spark.a": "2", "spark.b": "x y=z"}


def test_a_name_without_a_value(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("spark.a 1\nspark.lonely\n")
    with pytest.raises(ConfigurationError, match=r"a\.conf, line 2: spark\.lonely has no value"):
        read_properties(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.conf: No such file"):
        read_properties(tmp_path / "nowhere.conf")


def test_the_shipped_file() -> None:
    settings = read_properties(ROOT / "conf" / "local.conf")
    assert settings["spark.master"] == "local[*]"
    assert settings["spark.sql.session.timeZone"] == "UTC"
    assert settings["spark.sql.adaptive.enabled"] == "false"


def test_code_cache_is_large_enough_for_the_first_level_of_compilation() -> None:
    """At Java's 48 MB for this level trainings died: "Out of space in CodeCache"."""
    java = read_properties(ROOT / "conf" / "local.conf")["spark.driver.extraJavaOptions"]
    assert "-XX:TieredStopAtLevel=1" in java
    assert "-XX:ReservedCodeCacheSize=256m" in java


def test_stack_is_large_enough_for_ten_iterations_of_mllib() -> None:
    """At Java's 1 MB jobs/compare.py died with the baseline mllib: StackOverflowError."""
    local, cluster = (
        read_properties(ROOT / "conf" / name) for name in ("local.conf", "cluster.conf")
    )
    assert "-Xss8m" in local["spark.driver.extraJavaOptions"].split()
    for side in ("driver", "executor"):
        assert "-Xss8m" in cluster[f"spark.{side}.extraJavaOptions"].split()


@pytest.fixture
def nothing_provided(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Plain Python: no spark-submit, no platform, no session."""
    for name in (*session._PROVIDERS, "SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    return monkeypatch


def test_plain_python_gets_delta_and_the_settings_for_one_machine(
    nothing_provided: pytest.MonkeyPatch,
) -> None:
    """The quickstart failed in Jupyter: a session without arguments had no Delta."""
    found = session._settings_of(None)
    assert found == session_properties()
    assert "DeltaSparkSessionExtension" in found["spark.sql.extensions"]
    assert found["spark.python.daemon.module"] == "cdimf_spark.distributed.worker_daemon"


@pytest.mark.parametrize("name", session._PROVIDERS)
def test_a_platform_keeps_its_own_settings(nothing_provided: pytest.MonkeyPatch, name: str) -> None:
    nothing_provided.setenv(name, "x")
    assert session._settings_of(None) == {}


def test_a_spark_that_is_set_up_for_a_cluster_keeps_its_settings(
    nothing_provided: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing_provided.setenv("SPARK_CONF_DIR", str(tmp_path))
    assert session._settings_of(None) != {}
    (tmp_path / "spark-defaults.conf").write_text("spark.master yarn\n")
    assert session._settings_of(None) == {}


def test_shipped_settings_hold_in_any_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    java = shlex.split(session_properties()["spark.driver.extraJavaOptions"])
    (log,) = [one for one in java if one.startswith("-Dlog4j2.configurationFile=")]
    assert Path(log.partition("=")[2]).is_file()
    assert Path(log.partition("=")[2]).is_absolute()
    with pytest.raises(ConfigurationError, match=r"no settings 'yarn' .*there are: cluster, local"):
        session_properties("yarn")


def test_ivy_is_not_asked_for_what_it_has_brought(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its table of two screens appeared at every start in a notebook."""
    user = SimpleNamespace(pw_dir=str(tmp_path))
    monkeypatch.setattr(pwd, "getpwuid", lambda number: user)
    settings = read_properties(ROOT / "conf" / "local.conf")
    assert session_properties()["spark.jars.packages"] == settings["spark.jars.packages"]
    jars = tmp_path / ".ivy2.5.2" / "jars"
    jars.mkdir(parents=True)
    version = settings["spark.jars.packages"].rpartition(":")[2]
    for number in range(session._N_JARS):
        assert "spark.jars" not in session_properties()
        (jars / f"io.delta_part-{number}-{version}.jar").touch()
    found = session_properties()
    assert len(found["spark.jars"].split(",")) == session._N_JARS
    assert "spark.jars.packages" not in found


def test_workers_run_the_python_of_the_driver_unless_the_user_chose_one(
    nothing_provided: pytest.MonkeyPatch,
) -> None:
    """A script run as venv/bin/python died in the workers: no module named pandas."""
    environment: dict[str, str] = {}
    nothing_provided.setattr(os, "environ", environment)
    session._choose_python({"spark.master": "spark://host:7077"})
    assert environment == {}
    session._choose_python({"spark.master": "local[2]", "spark.pyspark.python": "/mine"})
    assert environment.pop("PYSPARK_PYTHON") == "/mine"
    session._choose_python({"spark.master": "local[2]"})
    assert environment == {"PYSPARK_PYTHON": sys.executable}
    session._choose_python({"spark.master": "local[2]", "spark.pyspark.python": "/other"})
    assert environment == {"PYSPARK_PYTHON": sys.executable}


def test_a_session_without_delta_says_what_to_do() -> None:
    def refuse(path: str) -> None:
        raise RuntimeError("[DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta")

    reader = SimpleNamespace(format=lambda name: SimpleNamespace(load=refuse))
    spark: Any = SimpleNamespace(read=reader)
    with pytest.raises(ConfigurationError, match=r"no Delta Lake.*build_session\(\)"):
        session.check_delta(spark)
