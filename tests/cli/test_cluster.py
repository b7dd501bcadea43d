"""Jobs on a standalone cluster, started as the documents say."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.support.helpers import random_domains
from tests.support.standalone import packed_environment, standalone_cluster, submit

CONF = ["--properties-file", "conf/cluster.conf"]
# Those of the file want four workers of 16 GB, and data worth 200 tasks.
SIZES = ["spark.driver.memory=1g", "spark.executor.memory=1g", "spark.executor.cores=2"]
SIZES += ["spark.sql.shuffle.partitions=2"]
SIZE_OPTIONS = [word for size in SIZES for word in ("--conf", size)]


@pytest.mark.long
def test_a_training_on_a_standalone_cluster(tmp_path: Path) -> None:
    import numpy as np

    arguments = ["--output", str(tmp_path / "model"), "--set", "num_blocks=2"]
    arguments += ["--set", "rank=8", "--set", "max_iter=2"]
    for name, frame in random_domains(np.random.default_rng(0), ("books", "films")).items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        arguments += ["--domain", f"{name}={tmp_path / name}.csv"]
    archive = packed_environment(tmp_path)
    with standalone_cluster(tmp_path) as master:
        options = ["--master", master, *CONF, *SIZE_OPTIONS]
        options += ["--archives", f"{archive}#environment"]
        done = submit("jobs/train_cdimf.py", arguments, options)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "model" / "user_factors" / "_delta_log").is_dir()
    # The executors had the package from the archive.
    (shipped,) = tmp_path.glob("work/app-*/0/environment")
    assert list(shipped.glob("lib/python3*/site-packages/cdimf_spark/kernel"))
    # The iterations are not buried.
    assert len(re.findall(r"^\S+ INFO iteration=", done.stdout, re.MULTILINE)) == 2
    said_by_spark = re.findall(r"^\S+(?: \S+)? INFO (?=[A-Z]\w+: ).*", done.stdout, re.MULTILINE)
    assert said_by_spark == []
    logs = list(tmp_path.glob("work/app-*/0/std*"))
    assert len(logs) == 2
    assert all("INFO" not in log.read_text() for log in logs)


@pytest.mark.slow
def test_a_master_that_does_not_answer_is_named_soon() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        master = f"spark://127.0.0.1:{closed.getsockname()[1]}"
        done = submit("jobs/train_cdimf.py", [], ["--master", master, *CONF, *SIZE_OPTIONS])
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"error: the Spark master {master} does not answer (Connection refused)")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    assert "\tat org.apache.spark" not in done.stdout
