"""A Spark session: the one that there is, or a new one with the settings that ship."""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession

from cdimf_spark.configuration.shipped import settings_folder
from cdimf_spark.errors import ConfigurationError

# Set by what starts Python with a session in store: spark-submit and pyspark, Spark Connect,
# Databricks.
_PROVIDERS = (
    *("PYSPARK_GATEWAY_PORT", "PYSPARK_SUBMIT_ARGS", "SPARK_REMOTE", "DATABRICKS_RUNTIME_VERSION"),
)
_PACKAGES = "spark.jars.packages"


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


def session_properties(name: str = "local") -> dict[str, str]:
    """The settings that ship with the package, as they hold in any working folder.

    Parameters
    ----------
    name
        ``local`` or ``cluster``.

    Raises
    ------
    ConfigurationError
        If the package ships no such settings.
    """
    folder = settings_folder()
    file = folder / f"{name}.conf"
    if not file.is_file():
        names = ", ".join(sorted(path.stem for path in folder.glob("*.conf"))) or "none"
        raise ConfigurationError(f"no settings {name!r} in {str(folder)!r}; there are: {names}")
    settings = read_properties(file)
    # The file names others as seen from the root of the repository.
    options = settings.get("spark.driver.extraJavaOptions", "")
    settings["spark.driver.extraJavaOptions"] = re.sub(
        r"(-\S+?=)((?:conf/|\.)\S+)",
        lambda found: f'"{found[1]}{folder.resolve().parent / found[2]}"',
        options,
    )
    return _without_ivy(settings)


def _without_ivy(settings: dict[str, str]) -> dict[str, str]:
    """Name Delta's JARs where Ivy put them before, which spares its table and a second of it."""
    artifacts = settings.get(_PACKAGES, "").split(",")
    # Java takes the home of the user from the system, whatever HOME says.
    user = Path(pwd.getpwuid(os.getuid()).pw_dir)
    home = Path(settings.get("spark.jars.ivy", user / ".ivy2.5.2"))
    version = artifacts[0].rpartition(":")[2]
    jars = sorted((home / "jars").glob(f"io.delta_*-{version}.jar"))
    # All that Delta consists of; else Ivy has to look.
    if len(artifacts) != 1 or len(jars) != _N_JARS:
        return settings
    rest = {key: value for key, value in settings.items() if not key.startswith("spark.jars.")}
    return {**rest, "spark.jars": ",".join(map(str, jars))}


# delta-spark, delta-storage and the three JARs of its kernel: all but Spark's own of what it needs.
_N_JARS = 5


def build_session(
    properties: str | Path | None = None, app_name: str = "cdimf_spark", **settings: str
) -> SparkSession:
    """Return the session that there is, or build one.

    An active session is taken as it is. Under spark-submit, on Databricks and with Spark Connect
    the platform's settings hold. Anywhere else, in plain Python and in Jupyter, this starts Spark
    on this machine, with Delta Lake and the package's settings for one machine.

    Parameters
    ----------
    properties
        Other settings than those: a Spark properties file, or one of the names ``local`` and
        ``cluster`` for the files that ship.
    settings
        Further settings, with `__` for the dots of a name (``spark__ui__enabled="true"``).

    Raises
    ------
    ConfigurationError
        If the file of settings cannot be read, or the session has no Delta Lake.
    """
    given = _settings_of(properties)
    given |= {name.replace("__", "."): value for name, value in settings.items()}
    builder = SparkSession.builder.appName(app_name)
    for name, value in given.items():
        builder = builder.config(name, value)
    if SparkSession.getActiveSession() is None:
        _choose_python(given)
    session = builder.getOrCreate()
    check_delta(session)
    return session


def _settings_of(properties: str | Path | None) -> dict[str, str]:
    if properties is None:
        return {} if _is_provided() else session_properties()
    if properties in ("local", "cluster"):
        return session_properties(str(properties))
    return read_properties(properties)


def _is_provided() -> bool:
    """Tell whether a session is there, or comes with settings of its own."""
    if SparkSession.getActiveSession() is not None:
        return True
    if any(os.environ.get(name) for name in _PROVIDERS):
        return True
    # A Spark that somebody has set up for a cluster: a notebook beside one.
    home = os.environ.get("SPARK_HOME")
    folder = os.environ.get("SPARK_CONF_DIR") or (f"{home}/conf" if home else None)
    defaults = Path(folder, "spark-defaults.conf") if folder else None
    found = defaults is not None and defaults.is_file()
    return found and "spark.master" in read_properties(str(defaults))


def _choose_python(settings: Mapping[str, str]) -> None:
    """Let the workers of this machine run the Python that runs this, unless the user chose one.

    Spark would take the first ``python3`` of the path, which may lack what the driver has.
    """
    master = settings.get("spark.master", "")
    if master.startswith("local"):
        os.environ.setdefault(
            "PYSPARK_PYTHON", settings.get("spark.pyspark.python") or sys.executable
        )


NO_DELTA = (
    "this Spark session has no Delta Lake, and a session cannot get it once it runs. In Python: "
    "restart the interpreter or kernel, and let cdimf_spark.build_session() start Spark. In a "
    "program: spark-submit --properties-file conf/local.conf (or conf/cluster.conf)"
)


def check_delta(spark: SparkSession) -> None:
    """Raise ConfigurationError if a session has no Delta Lake."""
    try:
        _ = spark.read.format("delta").load("/cdimf_spark/no/such/table").schema
    except Exception as error:
        # Comes as an error of the bridge to Java, which has no condition of its own.
        if "DATA_SOURCE_NOT_FOUND" not in str(error):
            return
        raise ConfigurationError(NO_DELTA) from error
