"""The jobs as programs: `jobs/NAME.py --help` in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


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
