"""The same bits on any number of cores, in any number of processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# One line of JSON at the end: the digest of each published table, and where tasks ran.
SCRIPT = """
import hashlib, json, os, sys
import numpy as np
import pyspark
from cdimf_spark.config import DomainConfig, ModelConfig, TrainConfig
from cdimf_spark.distributed.session import build_session
from cdimf_spark.distributed.training.run_training import train
from tests.helpers import factors_by_id, random_domains, to_spark

master, output, scratch = sys.argv[1:]
options = f"-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -Dderby.system.home={scratch}"
spark = build_session(
    "conf/local.conf",
    spark__master=master,
    spark__driver__memory="1g",
    spark__executor__memory="1g",
    spark__driver__extraJavaOptions=options,
    spark__sql__shuffle__partitions="3",
    spark__sql__warehouse__dir=f"{scratch}/warehouse",
)
domains = random_domains(np.random.default_rng(3), n_users=200, weighted=True)
model = ModelConfig(rank=16, max_iter=2, init_scale=1.0, num_blocks=3)
configs = tuple(DomainConfig(name, "memory") for name in domains)
train(spark, to_spark(spark, domains), TrainConfig(model, configs, output))
result = {}
for table in ("user_factors", "item_factors", "shared_factors"):
    digest = hashlib.sha256()
    frame = spark.read.format("delta").load(f"{output}/{table}")
    for key, row in sorted(factors_by_id(frame).items()):
        digest.update(repr(key).encode() + np.asarray(row, np.float32).tobytes())
    result[table] = digest.hexdigest()
history = spark.read.format("delta").load(f"{output}/history").orderBy("iteration")
result["losses"] = [repr(row["loss"]) for row in history.collect()]
print(json.dumps(result))
"""


def train_on(master: str, folder: Path) -> dict[str, object]:
    import pyspark

    environment = os.environ | {
        # Executors of a local cluster are processes that find Spark and Python by these.
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
        # A spark-submit around the tests must not decide what is started here.
        "PYSPARK_SUBMIT_ARGS": "pyspark-shell",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, master, str(folder / "model"), str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.fixture(scope="module")
def one_core(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return train_on("local[1]", tmp_path_factory.mktemp("one_core"))


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize("master", ["local[2]", "local-cluster[2,1,1024]"])
def test_factors_are_equal_to_the_bit(
    master: str, one_core: dict[str, object], tmp_path: Path
) -> None:
    assert train_on(master, tmp_path) == one_core
