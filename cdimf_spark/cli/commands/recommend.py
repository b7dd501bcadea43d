"""Recommend the best items of a domain to its users, or to a list of users."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session, write_json
from cdimf_spark.cli.list_options import check_options, listed_inputs, lists_of_options
from cdimf_spark.cli.parser import job_parser
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.output.guard import check_target
from cdimf_spark.distributed.recommendation.writing import write_recommendations
from cdimf_spark.reports.evaluation_report import recommendation_table, written_text
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind
from cdimf_spark.results.single_files import check_file
from cdimf_spark.scoring.lengths import check_positive

_EXAMPLES = """\
Items that a user has in train are left out (--keep-seen: they are not). The column source says
where the user's factors come from: own (they have a history in this domain), shared (not here, but
in several others: their consensus), foreign (the mean of their factors elsewhere) or popular (no
domain knows them: the most popular items, with their numbers of interactions as scores).
A list is shorter than --k where fewer items are left; how many lists are is reported.

Instead of users' items: --items-users lists the best users for each of some items, --similar-items
and --similar-users the items or users most like each of some (score: cosine of the factors).

examples (each after: spark-submit --properties-file conf/local.conf):
  jobs/recommend.py --model models/shops --domain sport --users ids.txt
  jobs/recommend.py --model models/shops --domain sport --k 20 --output recommendations/sport
  jobs/recommend.py --model models/shops --domain sport --deny sold_out.txt --output lists/sport
  jobs/recommend.py --model models/shops --domain sport --similar-items items.txt --json out.json"""


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser(program, "recommend", __doc__, _EXAMPLES)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    add("--domain", metavar="NAME", required=True, help="the domain whose items to recommend")
    users = "text file of user ids, one a line, or a table with a column user_id (default: all)"
    add("--users", metavar="FILE", help=users)
    add("--k", type=int, default=10, help="length of a list (default 10)")
    add("--allow", metavar="FILE", help="list only these items (one a line, or column item_id)")
    add("--deny", metavar="FILE", help="do not list these items")
    pairs = "do not list these pairs: a file or table like training data (columns user, item)"
    add("--deny-pairs", metavar="FILE", help=pairs)
    add("--keep-seen", action="store_true", help="list also what a user has in train")
    other = parser.add_mutually_exclusive_group()
    for name, what in (
        ("--items-users", "list the best users for each of these items"),
        ("--similar-items", "list the items most like each of these"),
        ("--similar-users", "list the users most like each of these"),
    ):
        other.add_argument(name, metavar="FILE", help=what)
    output = "write the lists there (default: print them, of users the first five)"
    add("--output", metavar="PATH", help=output)
    add("--format", choices=("delta", "parquet"), default="delta", help="of the output")
    add("--overwrite", action="store_true", help="replace an earlier output of this command")
    text = "also write the printed lists to a file; of --users then all, not the first five"
    add("--json", metavar="FILE", help=text)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, recommend, print or write."""
    given = parse_arguments(arguments, program)
    check_positive(given.k)
    check_options(vars(given))
    inputs = {"the model": given.model, **listed_inputs(vars(given))}
    check_file(given.json, "--json", inputs)
    spark = job_session("cdimf_spark: recommend")
    order = Order(Kind.RECOMMENDATIONS, given.format, given.overwrite)
    target = check_target(spark, given.output, order, inputs) if given.output else None
    rows = lists_of_options(spark, CDIMFModel.load(given.model, spark), vars(given))
    if target is not None:
        counts = write_recommendations(rows, target, given.k)
        program.say(written_text(counts, given.k, given.output, given.format))
        return
    found = [row.asDict() for row in rows.orderBy(rows.columns[0], "rank").collect()]
    program.say(recommendation_table(found, given.k))
    if given.json:
        program.say(write_json(found, given.json))
