"""A Spark Connect server of its own process, and a client process that runs a script on it.

Both kinds of session do not share a Python process: which one `pyspark.sql.functions` speaks to is
settled by the environment.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

from tests.conftest import ROOT

_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
_SECONDS_TO_START = 90


@contextmanager
def connect_server(scratch: Path) -> Iterator[str]:
    """The address of a server with the shipped settings; it is gone when the block is left."""
    port = _free_port()
    log = scratch / "connect_server.log"
    with log.open("w") as output:
        # A session of processes of its own, so that the launcher's JVM ends with it.
        server = subprocess.Popen(
            _command(scratch, port),
            cwd=ROOT,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_the_parent,
        )
    try:
        _wait(server, port, log)
        yield f"sc://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def environment() -> dict[str, str]:
    """Variables of the server and its workers, and of the client: this Python, this package."""
    return {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def run_client(module: str, *arguments: str) -> None:
    """Run a module in a process whose session is remote; what it writes is shown if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _command(scratch: Path, port: int) -> list[str]:
    settings = {
        "spark.master": "local[2]",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        # As the session of the other tests: compiling costs more than few rows gain.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    home = Path(pyspark.__file__).parent
    command = [str(home / "bin" / "spark-submit"), "--class", _SERVER, "--driver-memory", "1g"]
    command += ["--properties-file", str(ROOT / "conf" / "local.conf")]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    return [*command, "spark-internal"]


def _die_with_the_parent() -> None:
    """Let the kernel end this process when the tests are killed before they can (Linux only)."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when the server listens."""
    for _ in range(10 * _SECONDS_TO_START):
        assert server.poll() is None, f"the server ended:\n{log.read_text()}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"no server after {_SECONDS_TO_START} s:\n{log.read_text()}")
