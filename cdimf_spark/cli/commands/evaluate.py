"""Evaluate a trained model on held-out interactions: HR, NDCG, MAP, MRR, coverage and more."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session, write_json
from cdimf_spark.cli.evaluation_arguments import check_evaluation, evaluation_parser
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.distributed.opening import open_with_tests
from cdimf_spark.reports.evaluation_report import evaluation_table
from cdimf_spark.reports.measures_report import measures_tables

_PROTOCOL = """\
For each test row, 999 items that are not among the user's test items are drawn and ranked with
the test item (a domain with too few items to draw from has all of them ranked instead, and the
result says so); what the user has in train comes last. HR and NDCG count the first k places. Rows
of unknown users and items are skipped and counted. The draw depends on the seed and on the order
of the catalogue (the item ids and the number of blocks of the model), not on the cluster.

The first table has means over test rows. The tables below it have means over users, with 95 %
intervals, for each k and, with --by, for groups of rows: shared (users of several domains or of
one), history (the user's interactions in train in this domain), popularity (the item's), source
(where the row comes from that scores a user: own, shared, foreign). With several test items a
user, MAP, precision and recall are those of one list with all of them.

example (after: spark-submit --properties-file conf/local.conf):
  jobs/evaluate.py --model models/shops --test sport=sport_test.csv --test cloth=cloth_test.csv"""

# To compile a plan costs more than it gains on test rows, all work on which is in Python.
_SETTINGS = {
    "spark__sql__codegen__wholeStage": "false",
    "spark__sql__codegen__factoryMode": "NO_CODEGEN",
}


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = evaluation_parser(program, "evaluate", __doc__, _PROTOCOL, groupings=())
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, evaluate, report."""
    given = parse_arguments(arguments, program)
    paths = check_evaluation(given)
    spark = job_session("cdimf_spark: evaluate", **_SETTINGS)
    model, tests = open_with_tests(spark, given.model, paths)
    result = model.evaluate(tests, given.k, given.negatives, given.seed, given.by)
    program.say(evaluation_table(result))
    program.say(measures_tables(result))
    if given.json:
        program.say(write_json(result.to_dict(), given.json))
