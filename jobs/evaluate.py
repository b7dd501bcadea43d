"""Evaluate a trained model on held-out interactions: HR, NDCG, MAP, MRR, coverage and more."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import SparkSession

from cdimf_spark.command_line import (
    check_folder,
    job_parser,
    job_session,
    lengths_argument,
    names_argument,
    negatives_argument,
    run,
)
from cdimf_spark.config import parse_domains
from cdimf_spark.distributed.input.reading import read_annotated
from cdimf_spark.distributed.scoring.checked_tests import CheckedTests, check_tests
from cdimf_spark.distributed.scoring.groups import GROUPINGS
from cdimf_spark.distributed.scoring.model import CDIMFModel
from cdimf_spark.distributed.scoring.protocol import Protocol
from cdimf_spark.evaluation_report import evaluation_table
from cdimf_spark.measures_report import measures_tables
from cdimf_spark.settings import DomainConfig

_PROTOCOL = """\
For each test row, 999 items that are not among the user's test items are drawn and ranked with
the test item; what the user has in train comes last. HR and NDCG count the first k places. Rows
of unknown users and items are skipped and counted. The draw depends on the seed and on the order
of the catalogue (the item ids and the number of blocks of the model), not on the cluster.

The first table has means over test rows. The tables below it have means over users, with 95 %
intervals, for each k and, with --by, for groups of rows: shared (users of several domains or of
one), history (the user's interactions in train in this domain), popularity (the item's), source
(where the row comes from that scores a user: own, shared, foreign). With several test items a
user, MAP, precision and recall are those of one list with all of them.

example (after: spark-submit --properties-file conf/local.conf):
  jobs/evaluate.py --model models/shops --test sport=sport_test.csv --test cloth=cloth_test.csv"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser("evaluate.py", __doc__, _PROTOCOL)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    test = "a domain and its test set (columns user, item), read like training data"
    add("--test", metavar="NAME=PATH", action="append", required=True, help=test)
    several = "length of the list that counts (default 10), or several: 5,10,20 (the first is main)"
    add("--k", metavar="K[,K...]", type=lengths_argument, default=[10], help=several)
    count = "items drawn for each test row (default 999), or all: the whole catalogue"
    add("--negatives", metavar="N|all", type=negatives_argument, default=999, help=count)
    add("--seed", type=int, default=0, help="seed of the draw (default 0)")
    groups = f"also measure groups of rows apart: some of {','.join(GROUPINGS)}"
    add("--by", metavar="GROUPS", type=names_argument, default=[], help=groups)
    add("--json", metavar="FILE", help="also write the result to a file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Parse, evaluate, report."""
    given = parse_arguments(arguments)
    paths = parse_domains(given.test, "--test")
    Protocol.of(given.k, given.negatives, given.seed, given.by)
    check_folder(given.json, "--json")
    spark = job_session("cdimf_spark: evaluate")
    # Both are mostly waiting; what is wrong with the model is said first.
    with ThreadPoolExecutor() as pool:
        opened = pool.submit(CDIMFModel, spark, given.model)
        checked = pool.submit(_read_tests, spark, paths)
        model = opened.result()
        model.tables.check_domains(paths)
        tests = checked.result()
    result = model.evaluate(tests, given.k, given.negatives, given.seed, given.by)
    print(evaluation_table(result))
    print(measures_tables(result))
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
