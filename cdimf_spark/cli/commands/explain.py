"""Say what scores are made of: the user's own items, the consensus of the domains, and more."""

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
score = own + consensus + prior + remainder. own is the sum of the contributions of the items that
the user has in this domain (Hu, Koren, Volinsky 2008, section 5), of which the largest are listed;
consensus is what the pull to the other domains gives; prior is what being drawn to the domain's
mean row gives (option user_prior); remainder is what the training was short of its end.

examples (each after: spark-submit --properties-file conf/local.conf):
  jobs/explain.py --model models/shops --domain sport --pairs recommendations/sport
  jobs/explain.py --model models/shops --domain sport --pairs pairs.csv --output reasons/sport"""


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser(program, "explain", __doc__, _EXAMPLES)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    add("--domain", metavar="NAME", required=True, help="the domain of the items")
    pairs = "file or table with columns user and item, such as the output of recommend.py"
    add("--pairs", metavar="PATH", required=True, help=pairs)
    add("--count", type=int, default=10, help="contributions to list for each pair (default 10)")
    add("--output", metavar="PATH", help="write the parts there (default: print a few)")
    add("--format", choices=("delta", "parquet"), default="delta", help="of the output")
    add("--overwrite", action="store_true", help="replace an earlier output of this command")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, explain, print or write."""
    given = parse_arguments(arguments, program)
    spark = job_session("cdimf_spark: explain")
    order = Order(Kind.EXPLANATIONS, given.format, given.overwrite)
    inputs = {"the model": given.model, "--pairs": given.pairs}
    target = check_target(spark, given.output, order, inputs) if given.output else None
    model = CDIMFModel.load(given.model, spark)
    rows = model.explain(given.domain, given.pairs, given.count)
    if target is not None:
        target.write_table(rows)
        program.say(f"explanations written to {given.output} ({given.format})")
        return
    for row in rows.orderBy("user_id", "item_id").take(5):
        parts = ", ".join(f"{c.item_id} {c.contribution:+.4f}" for c in row.contributions)
        shares = (
            f"own {row.own:.4f}, consensus {row.consensus:+.4f} ({row.pull}), "
            f"prior {row.prior:+.4f}, remainder {row.remainder:+.4f}"
        )
        program.say(f"user {row.user_id}, item {row.item_id}: score {row.score:.4f} = {shares}")
        program.say(f"    {parts or 'no item of this domain'}")
