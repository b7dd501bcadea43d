"""Trainings in processes of their own that are killed, checked and started again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from tests.conftest import ROOT
from tests.faults.delta_files import orphans
from tests.faults.output import contents, events, problems_seen, progress
from tests.faults.points import Point
from tests.support.helpers import random_domains

_OPTIONS = {"rank": 8, "max_iter": 6, "num_blocks": 2, "init_scale": 1.0, "keep_iterations": 1}
_CONF = ["--properties-file", "conf/local.conf", "--conf", "spark.master=local[2]"]


@dataclass
class Kill:
    """What happened to one process.

    Attributes
    ----------
    point
        Where it was to die; None for a random moment, or not at all.
    killed
        Whether it died so.
    in_gap
        Whether it left data files of the point's table without a commit.
    problems
        What a reader, or the log, showed that must not be.
    """

    training: str
    point: Point | None
    moment: float | None
    by_submit: bool
    killed: bool = False
    in_gap: bool = False
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line of the log."""
        place = self.point or (f"after {self.moment:.2f} s" if self.moment is not None else "")
        ending = "killed" if self.killed else "finished"
        return f"{self.training}: {ending} {place} {'; '.join(self.problems) or 'ok'}"


@dataclass
class Workshop:
    """Data, an older model, and what an uninterrupted training gives.

    Attributes
    ----------
    seconds
        What the latter takes, without the start of Spark.
    """

    folder: Path
    old_runs: set[str] = field(default_factory=set)
    old: dict[str, str | None] = field(default_factory=dict)
    new: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def build(cls, folder: Path) -> Workshop:
        shop = cls(folder)
        for name, frame in random_domains(np.random.default_rng(1), n_users=300).items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        for name, seed in (("old", 1), ("new", 0)):
            process = Process(shop, folder / name, None, False, seed=seed)
            process.wait_until_ready()
            begin = time.monotonic()
            assert process.wait() == 0, process.log()
            shop.seconds = time.monotonic() - begin
        shop.old, shop.new = contents(folder / "old"), contents(folder / "new")
        assert not set(shop.old.values()) & set(shop.new.values())
        shop.old_runs = {row["run_id"] for row in events(folder / "old")}
        return shop


class Process:
    """One start of the job."""

    def __init__(
        self,
        shop: Workshop,
        output: Path,
        point: Point | None,
        by_submit: bool,
        seed: int = 0,
        resume: bool = False,
    ) -> None:
        self._ready, self._log = shop.folder / "ready", shop.folder / "log"
        self._ready.unlink(missing_ok=True)
        fault = {
            "point": asdict(point) if point else None,
            "ready": str(self._ready),
            "properties": None if by_submit else "conf/local.conf",
        }
        command = ["spark-submit", *_CONF] if by_submit else [sys.executable]
        command += [str(ROOT / "tests" / "faults" / "driver.py"), json.dumps(fault)]
        command += ["--output", str(output), "--set", f"seed={seed}", *["--resume"] * resume]
        for file in sorted(shop.folder.glob("*.csv")):
            command += ["--domain", f"{file.stem}={file}"]
        for key, value in _OPTIONS.items():
            command += ["--set", f"{key}={value}"]
        environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(ROOT)}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        while not self._ready.exists() and self._process.poll() is None:
            time.sleep(0.01)

    def kill_after(self, seconds: float) -> None:
        self.wait_until_ready()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Exit code; whatever happens here, nothing of the process stays."""
        try:
            return self._process.wait(300)
        except BaseException:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise

    def log(self) -> str:
        return self._log.read_text()


class Job:
    """One training, through all its processes."""

    def __init__(self, shop: Workshop, name: str, over_old_model: bool) -> None:
        self.shop, self.name, self.finished = shop, name, False
        self.output = shop.folder / re.sub(r"\W", "_", name)
        self._before = shop.old if over_old_model else dict.fromkeys(shop.old)
        if over_old_model:
            shutil.copytree(shop.folder / "old", self.output)

    def run(self, point: Point | None, moment: float | None, by_submit: bool) -> Kill:
        """Start the job, and let it be killed; go on with what is there."""
        shop, kill = self.shop, Kill(self.name, point, moment, by_submit)
        before = progress(self.output, shop.old_runs)
        table = self.output / (point.name if point else "")
        left = orphans(table)
        # Before its first event there is nothing but the old model to go on with.
        resume = before.run_id is not None or self._before is not shop.old
        process = Process(shop, self.output, point, by_submit, resume=resume)
        if moment is not None:
            process.kill_after(moment)
        code = process.wait()
        kill.killed, self.finished = code in (-signal.SIGKILL, 128 + signal.SIGKILL), code == 0
        kill.in_gap = orphans(table) > left
        now = progress(self.output, shop.old_runs)
        kill.problems = problems_seen(
            self.output, [self._before, shop.new], before, now, process.log()
        )
        if self.finished and contents(self.output) != shop.new:
            kill.problems.append("not the bits of the uninterrupted training")
        if not kill.killed and not self.finished:
            raise SystemExit(f"{kill}\nexit code {code}\n{process.log()[-4000:]}")
        return kill
