"""Compare a trained model with baselines on held-out interactions: where sharing helps or hurts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cdimf_spark.command_line import (
    check_folder,
    job_parser,
    job_session,
    lengths_argument,
    names_argument,
    negatives_argument,
    run,
)
from cdimf_spark.comparison_plot import check_plot, plot_comparison
from cdimf_spark.comparison_report import comparison_tables
from cdimf_spark.config import parse_domains
from cdimf_spark.distributed.input.reading import read_annotated
from cdimf_spark.distributed.scoring.checked_tests import check_tests
from cdimf_spark.distributed.scoring.comparison import BASELINES, check_baselines
from cdimf_spark.distributed.scoring.groups import GROUPINGS
from cdimf_spark.distributed.scoring.model import CDIMFModel
from cdimf_spark.distributed.scoring.protocol import Protocol
from cdimf_spark.settings import DomainConfig

_ALL_BASELINES, _ALL_GROUPINGS = ",".join(BASELINES), ",".join(GROUPINGS)
_PROTOCOL = """\
All models rank the same test rows among the same items (as jobs/evaluate.py does), and are
compared user by user: differences are means over users with their 95 % intervals, of all rows and
by group. A difference is better or worse where the interval of NDCG leaves out zero, else open.

baselines, made from the interactions of the model, in memory:
  popularity  every item by its number of interactions
  separate    each domain for itself (rho = 0), with the options and iterations of the model
  pooled      one factorization of all domains' interactions together, with the same options

example (after: spark-submit --properties-file conf/local.conf):
  jobs/compare.py --model models/shops --test sport=sport_test.csv --test cloth=cloth_test.csv \\
      --plot shops.png"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser("compare.py", __doc__, _PROTOCOL)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    test = "a domain and its test set (columns user, item), read like training data"
    add("--test", metavar="NAME=PATH", action="append", required=True, help=test)
    add(
        "--baselines",
        metavar="NAMES",
        type=names_argument,
        default=list(BASELINES),
        help=f"some of {_ALL_BASELINES} (default all)",
    )
    several = "length of the list (default 10), or several: 10,5,20 (the first is the main one)"
    add("--k", metavar="K[,K...]", type=lengths_argument, default=[10], help=several)
    count = "items drawn for each test row (default 999), or all: the whole catalogue"
    add("--negatives", metavar="N|all", type=negatives_argument, default=999, help=count)
    add("--seed", type=int, default=0, help="seed of the draw (default 0)")
    groups = f"groups of rows to measure apart: some of {_ALL_GROUPINGS} (default all)"
    add("--by", metavar="GROUPS", type=names_argument, default=list(GROUPINGS), help=groups)
    add("--json", metavar="FILE", help="also write the result to a file")
    add("--plot", metavar="FILE.png", help="also draw the differences (needs matplotlib)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Parse, compare, report."""
    given = parse_arguments(arguments)
    paths = parse_domains(given.test, "--test")
    Protocol.of(given.k, given.negatives, given.seed, given.by)
    check_baselines(given.baselines)
    check_folder(given.json, "--json")
    check_folder(given.plot, "--plot")
    if given.plot:
        check_plot(given.plot)
    spark = job_session("cdimf_spark: compare")
    model = CDIMFModel(spark, given.model)
    model.tables.check_domains(paths)
    tests = check_tests(
        {
            name: read_annotated(spark, DomainConfig(name, path), with_weight=False)
            for name, path in paths.items()
        }
    )
    result = model.compare(tests, given.k, given.negatives, given.seed, given.by, given.baselines)
    print(comparison_tables(result))
    if given.json:
        Path(given.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(f"\nwritten to {given.json}")
    if given.plot:
        plot_comparison(result, given.plot)
        print(f"\ndrawn in {given.plot}")


if __name__ == "__main__":
    raise SystemExit(run(main))
