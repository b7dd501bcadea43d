"""Compare a trained model with baselines on held-out interactions: where sharing helps or hurts."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session, write_json
from cdimf_spark.cli.evaluation_arguments import (
    check_evaluation,
    evaluation_inputs,
    evaluation_parser,
)
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.configuration.options import split_names
from cdimf_spark.distributed.baselines.comparison import (
    BASELINES,
    USUAL_BASELINES,
    check_baselines,
)
from cdimf_spark.distributed.opening import open_with_tests
from cdimf_spark.evaluation.groups import GROUPINGS
from cdimf_spark.reports.comparison_plot import check_plot, plot_comparison
from cdimf_spark.reports.comparison_report import comparison_tables
from cdimf_spark.results.single_files import check_file

_PROTOCOL = """\
All models rank the same test rows among the same items (as jobs/evaluate.py does), and are
compared user by user: differences are means over users with their 95 % intervals, of all rows and
by group. A difference is better or worse where the interval of NDCG leaves out zero, else open.

baselines, made from the interactions of the model, in memory:
  popularity  every item by its number of interactions
  separate    each domain for itself (rho = 0), with the options and iterations of the model
  pooled      one factorization of all domains' interactions together, with the same options
  mllib       MLlib's implicit ALS on the same, with the same rank and iterations, regParam 0.1 and
              alpha 40: at rank 192 some minutes for 200,000 interactions, 27 times that at 576

example (after: spark-submit --properties-file conf/local.conf):
  jobs/compare.py --model models/shops --test sport=sport_test.csv --test cloth=cloth_test.csv \\
      --plot shops.png"""


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = evaluation_parser(program, "compare", __doc__, _PROTOCOL, groupings=GROUPINGS)
    add = parser.add_argument
    baselines = f"some of {','.join(BASELINES)} (default {','.join(USUAL_BASELINES)})"
    add(
        "--baselines",
        metavar="NAMES",
        type=split_names,
        default=list(USUAL_BASELINES),
        help=baselines,
    )
    add("--plot", metavar="FILE.png", help="also draw the differences (needs matplotlib)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, compare, report."""
    given = parse_arguments(arguments, program)
    paths = check_evaluation(given)
    check_baselines(given.baselines)
    check_file(given.plot, "--plot", evaluation_inputs(given.model, paths))
    if given.plot:
        check_plot(given.plot)
    model, tests = open_with_tests(job_session("cdimf_spark: compare"), given.model, paths)
    result = model.compare(tests, given.k, given.negatives, given.seed, given.by, given.baselines)
    program.say(comparison_tables(result))
    if given.json:
        program.say(f"\n{write_json(result.to_dict(), given.json)}")
    if given.plot:
        plot_comparison(result, given.plot)
        program.say(f"\ndrawn in {given.plot}")
