"""Jobs as users start them: spark-submit in a process of its own, read by its log."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The kernel walks all pages of a process for this sum: 3 % of an iteration if done each second.
_SECONDS_BETWEEN_SUMS = 3.0
_ITERATION = re.compile(r"iteration=\d+/\d+ .* seconds=([\d.]+) \((.*)\)")


@dataclass(frozen=True)
class Job:
    """What a job took.

    Attributes
    ----------
    whole
        Seconds from the start of spark-submit to its end.
    cpu
        Processor seconds of all its processes.
    memory
        Largest resident set seen, in bytes: of a JVM ("java") and of one Python worker ("python").
        And the most that all processes had at once ("together"), where what several share counts
        once (the proportional set size of Linux).
    log
        All that it printed.
    """

    whole: float
    cpu: float
    memory: dict[str, int]
    log: str


@dataclass(frozen=True)
class Training(Job):
    """What a training took.

    Attributes
    ----------
    iterations
        Seconds of each.
    parts
        What the log says of the parts of each iteration: name -> seconds.
    """

    iterations: list[float]
    parts: list[dict[str, float]]

    def seconds_of(self, event: str) -> float:
        """What the log says of an event: "packed" or "published"."""
        return float(re.findall(rf"{event} .*seconds=([\d.]+)", self.log)[-1])


def train(
    domains: Mapping[str, Path],
    output: Path,
    options: Mapping[str, object],
    master: str = "local[2]",
    settings: Mapping[str, str] | None = None,
) -> Training:
    """Train with conf/local.conf; raises if the training fails."""
    shutil.rmtree(output, ignore_errors=True)
    arguments = ["--output", str(output)]
    arguments += [word for n, path in domains.items() for word in ("--domain", f"{n}={path}")]
    arguments += [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    job = run_job("train_cdimf", arguments, {"spark.master": master, **(settings or {})})
    found = _ITERATION.findall(job.log)
    parts = [dict(zip(p.split()[::2], map(float, p.split()[1::2]), strict=True)) for _, p in found]
    return Training(job.whole, job.cpu, job.memory, job.log, [float(s) for s, _ in found], parts)


def run_job(name: str, arguments: Sequence[str], settings: Mapping[str, str]) -> Job:
    """Run a job with conf/local.conf and settings of its own; raises if it fails."""
    command = ["spark-submit", "--properties-file", "conf/local.conf"]
    command += [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
    command += [f"jobs/{name}.py", *arguments]
    before, start = _child_seconds(), time.perf_counter()
    with tempfile.TemporaryFile("w+") as file:
        environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"}
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        memory = _watch(process)
        whole = time.perf_counter() - start
        file.seek(0)
        log = file.read()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{log[-3000:]}")
    return Job(whole, _child_seconds() - before, memory, log)


def _watch(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """Wait for a process; the largest resident sets among its session by kind of process."""
    largest = {"java": 0, "python": 0, "together": 0}
    looked = 0.0
    while process.poll() is None:
        members = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, fields = path.read_text().partition("(")[2].rpartition(")")
            except OSError:  # It has ended meanwhile.
                continue
            session, pages = int(fields.split()[3]), int(fields.split()[21])
            if session != process.pid:
                continue
            members.append(path.parent)
            kind = next((kind for kind in largest if name.startswith(kind)), None)
            if kind:
                largest[kind] = max(largest[kind], pages * os.sysconf("SC_PAGE_SIZE"))
        if time.monotonic() - looked > _SECONDS_BETWEEN_SUMS:
            looked = time.monotonic()
            largest["together"] = max(largest["together"], sum(map(_proportional_set, members)))
        time.sleep(0.2)
    return largest


def _proportional_set(folder: Path) -> int:
    """Bytes of a process, a page that n processes share as 1/n of it; 0 if it has ended."""
    try:
        text = (folder / "smaps_rollup").read_text()
    except OSError:
        return 0
    return 1024 * sum(map(int, re.findall(r"^Pss:\s*(\d+) kB", text, re.MULTILINE)))


def _child_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
