"""A training in a process of its own, on any master: `python -m tests.support.other_processes`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.session import build_session, read_properties
from cdimf_spark.distributed.training.run_training import train
from tests.conftest import ROOT
from tests.support.helpers import random_domains, to_spark
from tests.support.trained_tables import published, read

MODEL = ModelConfig(rank=16, max_iter=2, init_scale=1.0, num_blocks=2)


def train_and_digest(spark: SparkSession, output: str) -> dict[str, Any]:
    """The digest of each published table, and all losses."""
    rng = np.random.default_rng(3)
    domains = random_domains(rng, names=("a", "b"), n_users=200, weighted=True)
    configs = tuple(DomainConfig(name, "memory") for name in domains)
    train(spark, to_spark(spark, domains), TrainConfig(MODEL, configs, output))
    history = read(spark, Path(output), "history").orderBy("iteration").collect()
    losses = [repr(row["loss"]) for row in history]
    return {**published(spark, Path(output)), "losses": losses}


def main(master: str, output: str, scratch: str) -> None:
    spark = session_on(master, scratch)
    print(json.dumps(train_and_digest(spark, output)))  # noqa: T201 -- read by `train_on`


def session_on(master: str, scratch: str) -> SparkSession:
    options = read_properties("conf/local.conf")["spark.driver.extraJavaOptions"]
    compiler = [word for word in options.split() if word.startswith("-XX")]
    return build_session(
        "conf/local.conf",
        spark__master=master,
        spark__driver__memory="1g",
        spark__executor__memory="1g",
        spark__executor__extraJavaOptions=" ".join(compiler),
        spark__driver__extraJavaOptions=f"{options} -Dderby.system.home={scratch}",
        spark__sql__shuffle__partitions="3",
        # A task waits for the executor that has its rows: the one that `test_losses` kills has some
        # to lose, always.
        spark__locality__wait="30s",
        spark__sql__warehouse__dir=f"{scratch}/warehouse",
    )


def train_on(master: str, folder: Path, module: str = __name__) -> dict[str, Any]:
    """What the `main` of a module prints in a process of its own."""
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
        [sys.executable, "-m", module, master, str(folder / "model"), str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])
