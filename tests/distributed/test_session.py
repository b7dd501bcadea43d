"""The parser of Spark properties files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdimf_spark.distributed.session import read_properties
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
