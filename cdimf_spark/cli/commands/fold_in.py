"""Make factors of users or items from new interactions, without training."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session
from cdimf_spark.cli.parser import job_parser
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.output.guard import check_target
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind

_EXAMPLES = """\
A user's row is the solution of their row equation with the items as they are (an item's: with the
users as they are). Interactions with items (users) that the domain does not have are left out and
counted in the log. The output has user_id, factors, pull, n_interactions, or item_id, factors,
n_interactions. pull says where a user was pulled to: shared (the consensus of several domains),
foreign (their row in one other domain) or none.

The interactions are added to those that the training had of the same users (items); with
--complete they replace them. Repeated pairs count as in the training.

examples (each after: spark-submit --properties-file conf/local.conf):
  jobs/fold_in.py --model models/shops --domain sport --interactions today.csv --output rows/sport
  jobs/fold_in.py --model models/shops --domain sport --interactions new_items.csv --side item \\
      --output rows/new_items --format parquet"""


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser(program, "fold_in", __doc__, _EXAMPLES)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    add("--domain", metavar="NAME", required=True, help="the domain of the interactions")
    data = "file, folder, glob or table: user, item and optional weight, read like training data"
    add("--interactions", metavar="PATH", required=True, help=data)
    add("--side", choices=("user", "item"), default="user", help="whose rows (default user)")
    add("--complete", action="store_true", help="the interactions are all that count")
    add("--output", metavar="PATH", required=True, help="where to write the rows")
    add("--format", choices=("delta", "parquet"), default="delta", help="of the output")
    add("--overwrite", action="store_true", help="replace an earlier output of this command")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, fold in, write."""
    given = parse_arguments(arguments, program)
    spark = job_session("cdimf_spark: fold_in")
    inputs = {"the model": given.model, "--interactions": given.interactions}
    order = Order(Kind.FACTORS, given.format, given.overwrite)
    target = check_target(spark, given.output, order, inputs)
    model = CDIMFModel.load(given.model, spark)
    rows = model.fold_in(given.domain, given.interactions, given.side, given.complete)
    target.write_table(rows)
    program.say(f"factors of {given.side}s written to {given.output} ({given.format})")
