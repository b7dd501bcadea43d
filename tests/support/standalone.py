"""A standalone cluster on the loopback interface, and an environment to ship to it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy
import pyspark

from tests.conftest import ROOT

_SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"
_START_SECONDS = 120.0
# Runs a command until nobody holds the other end of stdin, be it that the tests were killed; then
# ends its whole group (executors are in the worker's).
_UNTIL_LET_GO = '"$@" & read -r _; kill -KILL 0'


@contextmanager
def standalone_cluster(folder: Path, cores: int = 2, memory: str = "2g") -> Iterator[str]:
    """Address of a master that has one worker; both end with the block.

    `folder` gets their logs, and `work/` what the executors of each application write.
    """
    with _process(folder / "master.log", "master.Master") as log:
        port = _wait_for(log, r"service 'sparkMaster' on port (\d+)")
        master = f"spark://127.0.0.1:{port}"
        sizes = ["--cores", str(cores), "--memory", memory, "--work-dir", str(folder / "work")]
        with _process(folder / "worker.log", "worker.Worker", *sizes, master) as log:
            _wait_for(log, r"(registered) with master")
            yield master


@contextmanager
def _process(log: Path, name: str, *arguments: str) -> Iterator[Path]:
    command = [str(_SPARK_CLASS), f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1"]
    command += ["--port", "0", "--webui-port", "0", *arguments]
    with log.open("w") as file:
        process = subprocess.Popen(
            ["bash", "-c", _UNTIL_LET_GO, "bash", *command],
            cwd=log.parent,
            env=_environment(SPARK_DAEMON_MEMORY="256m", SPARK_DAEMON_JAVA_OPTS="-Xss8m"),
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield log
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def _wait_for(log: Path, pattern: str) -> str:
    """What a log says, once it does."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        found = re.search(pattern, log.read_text())
        if found:
            return found[1]
        time.sleep(0.1)
    raise TimeoutError(f"{log} has no {pattern}:\n{log.read_text()}")


def _environment(**more: str) -> dict[str, str]:
    """That of this process, without what it tells Python and Spark."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYSPARK", "SPARK"))
    }
    return kept | {"SPARK_LOCAL_IP": "127.0.0.1"} | more


def packed_environment(folder: Path) -> Path:
    """Archive of an environment with a wheel of the package, made as the documents say.

    But for one thing: of what the package depends on (230 MB, a minute) only a path is packed.
    """
    source, environment = folder / "source", folder / "environment"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "cdimf_spark", source / "cdimf_spark")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "wheel", "--no-deps", "--wheel-dir", folder / "dist", source])
    _run([sys.executable, "-m", "venv", "--without-pip", environment])
    (wheel,) = (folder / "dist").glob("*.whl")
    _run([*pip, "--python", environment / "bin" / "python", "install", "--no-deps", wheel])
    (packages,) = environment.glob("lib/python3*/site-packages")
    # Not a .pth file, which venv-pack takes for an editable installation.
    path = f"import sys\nsys.path.append({str(Path(numpy.__file__).parents[1])!r})\n"
    (packages / "sitecustomize.py").write_text(path)
    archive = folder / "environment.tar.gz"
    _run([sys.executable, "-m", "venv_pack", "--prefix", environment, "--output", archive])
    return archive


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run([str(word) for word in command], check=True, env=_environment())


def submit(
    job: Path | str, arguments: Sequence[str], options: Sequence[str], **more: str
) -> subprocess.CompletedProcess[str]:
    """A job by spark-submit in a process of its own; all that it prints, in its order."""
    return subprocess.run(
        ["spark-submit", *options, str(job), *arguments],
        cwd=ROOT,
        env=submit_environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def submit_environment(**more: str) -> Mapping[str, str]:
    """Environment of spark-submit: this Python first, the package as it is here."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return _environment(PATH=path, PYTHONPATH=str(ROOT), **more)
