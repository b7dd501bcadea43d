"""The driver of a training that is to be killed: the job as it is, in a process that is armed.

Arguments: a JSON object (`point`, or null; `ready`, a file that is made when the session is there;
`properties`, the Spark properties of a plain Python process, null under spark-submit), then those
of the job.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

from cdimf_spark.distributed.session import build_session
from tests.conftest import ROOT
from tests.faults.injection import arm, kill_group
from tests.faults.points import Point


def main() -> None:
    fault = json.loads(sys.argv.pop(1))
    build_session(fault["properties"])
    if fault["point"]:
        arm(Point(**fault["point"]), kill_group, pytest.MonkeyPatch())
    Path(fault["ready"]).touch()
    runpy.run_path(str(ROOT / "jobs" / "train_cdimf.py"), run_name="__main__")


if __name__ == "__main__":
    main()
