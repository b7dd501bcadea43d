"""Shared fixtures. Only tests that ask for `spark` start a JVM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parent.parent

# Folders whose files share a training: their tests go to one worker.
_ONE_WORKER = ("tests/distributed/federation/",)

# The same examples in every run, and no time limit: the first call of a compiled function is slow.
hypothesis.settings.register_profile("tests", derandomize=True, deadline=None)
hypothesis.settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the fixtures that they need; files with most tests on Spark come first.

    Several workers share out whole files, in this order: a slow one must not be left for the end.
    """
    n_spark: Counter[Path] = Counter()
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "spark" in fixtures:
            item.add_marker(pytest.mark.spark)
            n_spark[item.path] += 1
        # Two parties that train: a minute.
        if "federation" in fixtures and not item.get_closest_marker("long"):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: -n_spark[item.path])


class ByFile(LoadFileScheduling):
    """Shares out whole files, so that what a file's tests share is made once.

    (Groups by marker, `--dist loadgroup`, have no effect with pytest 9 and pytest-xdist 3.8.)
    """

    def _split_scope(self, nodeid: str) -> str:
        """What a test is handed out with: its file, or a folder."""
        together = (folder for folder in _ONE_WORKER if nodeid.startswith(folder))
        return next(together, nodeid.split("::", 1)[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Hand out tests by file."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for the whole run: the shipped settings, and what makes tests small."""
    from cdimf_spark.distributed.session import build_session

    scratch = tmp_path_factory.mktemp("spark")
    session = build_session(
        ROOT / "conf" / "local.conf",
        app_name="tests",
        # Two threads, and a failed task is tried again: plain local[2] never does.
        spark__master="local[2,3]",
        spark__driver__memory="2g",
        # Compiling to the end costs more than short tests gain; the path of the log settings
        # must not depend on where pytest was started.
        spark__driver__extraJavaOptions=(
            "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m "
            "-XX:+UseParallelGC -Xss8m "
            f"-Dlog4j2.configurationFile={ROOT / 'conf' / 'log4j2.properties'} "
            f"-Dderby.system.home={scratch}"
        ),
        spark__sql__shuffle__partitions="2",
        # Nor does compiling hundreds of plans for a few rows each. The sessions that tests start as
        # processes of their own have the shipped settings.
        spark__sql__codegen__wholeStage="false",
        spark__sql__codegen__factoryMode="NO_CODEGEN",
        spark__sql__warehouse__dir=str(scratch / "warehouse"),
    )
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def _forget_cached_frames(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let no test see what another one persisted."""
    yield
    if "spark" in request.fixturenames:
        request.getfixturevalue("spark").catalog.clearCache()
