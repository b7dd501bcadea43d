"""The jobs as programs: `jobs/NAME.py --help` in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

JOBS = sorted((ROOT / "jobs").glob("[a-z]*.py"))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_a_job_can_be_run_by_its_name(job: Path) -> None:
    assert job.read_text().startswith("#!/usr/bin/env python3\n")
    # Of the user, the group and everybody.
    assert job.stat().st_mode & 0o111 == 0o111


def test_a_plan_needs_nothing_but_the_name_of_the_job() -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plan = ["--plan", "users=1e6", "items=2e5", "interactions=3e7", "domains=3"]
    done = subprocess.run(
        [ROOT / "jobs" / "train_cdimf.py", *plan],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "blocks of users, of items" in done.stdout
