"""Trainings as users start them: spark-submit in a process of its own, read by its log."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ITERATION = re.compile(r"iteration=\d+/\d+ .* seconds=([\d.]+) \((.*)\)")


@dataclass(frozen=True)
class Training:
    """What a training took.

    Attributes
    ----------
    whole
        Seconds from the start of spark-submit to its end.
    cpu
        Processor seconds of all its processes.
    iterations
        Seconds of each.
    parts
        What the log says of the parts of each iteration: name -> seconds.
    """

    whole: float
    cpu: float
    iterations: list[float]
    parts: list[dict[str, float]]
    log: str


def train(
    domains: Mapping[str, Path],
    output: Path,
    options: Mapping[str, object],
    master: str = "local[2]",
    settings: Mapping[str, str] | None = None,
    config: str | None = None,
) -> Training:
    """Train with conf/local.conf; raises if the training fails."""
    shutil.rmtree(output, ignore_errors=True)
    conf = {"spark.master": master, **(settings or {})}
    command = ["spark-submit", "--properties-file", "conf/local.conf"]
    command += [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    command += ["jobs/train_cdimf.py", "--output", str(output)]
    command += ["--config", config] if config else []
    command += [word for name, path in domains.items() for word in ("--domain", f"{name}={path}")]
    command += [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    before, start = _child_seconds(), time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    whole = time.perf_counter() - start
    log = done.stdout + done.stderr
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{log[-3000:]}")
    found = _ITERATION.findall(log)
    parts = [dict(zip(p.split()[::2], map(float, p.split()[1::2]), strict=True)) for _, p in found]
    seconds = [float(value) for value, _ in found]
    return Training(whole, _child_seconds() - before, seconds, parts, log)


def _child_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
