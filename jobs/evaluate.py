"""Evaluate a trained model on held-out interactions: HR, NDCG, MRR and coverage."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import SparkSession

from cdimf_spark.command_line import job_parser, job_session, negatives_argument, run
from cdimf_spark.config import parse_domains
from cdimf_spark.distributed.input.reading import read_annotated
from cdimf_spark.distributed.scoring.checked_tests import CheckedTests, check_tests
from cdimf_spark.distributed.scoring.evaluate import check_lists
from cdimf_spark.distributed.scoring.model import CDIMFModel
from cdimf_spark.evaluation_report import evaluation_table
from cdimf_spark.settings import DomainConfig

_PROTOCOL = """\
For each test row, 999 items that are not among the user's test items are drawn and ranked with
the test item; what the user has in train comes last. HR and NDCG count the first k places. Rows
of unknown users and items are skipped and counted. The draw depends on the seed and on the order
of the catalogue (the item ids and the number of blocks of the model), not on the cluster.

example (after: spark-submit --properties-file conf/local.conf):
  jobs/evaluate.py --model models/shops --test sport=sport_test.csv --test cloth=cloth_test.csv"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser("evaluate.py", __doc__, _PROTOCOL)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    test = "a domain and its test set (columns user, item), read like training data"
    add("--test", metavar="NAME=PATH", action="append", required=True, help=test)
    add("--k", type=int, default=10, help="length of the list that counts (default 10)")
    count = "items drawn for each test row (default 999), or all: the whole catalogue"
    add("--negatives", metavar="N|all", type=negatives_argument, default=999, help=count)
    add("--seed", type=int, default=0, help="seed of the draw (default 0)")
    add("--json", metavar="FILE", help="also write the result to a file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Parse, evaluate, report."""
    given = parse_arguments(arguments)
    paths = parse_domains(given.test, "--test")
    check_lists(given.k, given.negatives, given.seed)
    spark = job_session("cdimf_spark: evaluate")
    # Both are mostly waiting; what is wrong with the model is said first.
    with ThreadPoolExecutor() as pool:
        opened = pool.submit(CDIMFModel, spark, given.model)
        checked = pool.submit(_read_tests, spark, paths)
        model = opened.result()
        model.tables.check_domains(paths)
        tests = checked.result()
    result = model.evaluate(tests, given.k, given.negatives, given.seed)
    print(evaluation_table(result))
    if given.json:
        Path(given.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(f"written to {given.json}")


def _read_tests(spark: SparkSession, paths: Mapping[str, str]) -> CheckedTests:
    return check_tests(
        {
            name: read_annotated(spark, DomainConfig(name, path), with_weight=False)
            for name, path in paths.items()
        }
    )


if __name__ == "__main__":
    raise SystemExit(run(main))
