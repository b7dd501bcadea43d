"""A Spark session with the settings of a properties file."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from cdimf_spark.errors import ConfigurationError


def read_properties(path: str | Path) -> dict[str, str]:
    """Settings of a Spark properties file: ``name value`` a line, `#` starts a comment line.

    Raises
    ------
    ConfigurationError
        If the file is not there, or a line has no value.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigurationError(f"Spark properties file {path}: {error.strerror}") from error
    settings = {}
    for number, line in enumerate(lines, 1):
        words = line.strip().split(maxsplit=1)
        if not words or words[0].startswith("#"):
            continue
        if len(words) == 1:
            raise ConfigurationError(f"{path}, line {number}: {words[0]} has no value")
        settings[words[0]] = words[1].strip()
    return settings


def build_session(
    properties: str | Path | None = None, app_name: str = "cdimf_spark", **settings: str
) -> SparkSession:
    """Build the session, or return the one that there is.

    Under spark-submit, and in a notebook of a cluster, the session's settings are given: leave
    `properties` out. In plain Python name the file that spark-submit would take, for example
    ``conf/local.conf``.

    Parameters
    ----------
    properties
        A Spark properties file.
    settings
        Further settings, with `__` for the dots of a name (``spark__ui__enabled="true"``).
    """
    builder = SparkSession.builder.appName(app_name)
    given = read_properties(properties) if properties else {}
    given |= {name.replace("__", "."): value for name, value in settings.items()}
    for name, value in given.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
