"""Recommend the best items of a domain to its users, or to a list of users."""

from __future__ import annotations

import argparse

from cdimf_spark.command_line import job_parser, job_session, run
from cdimf_spark.distributed.scoring.model import CDIMFModel
from cdimf_spark.distributed.scoring.recommend import (
    check_positive,
    first_users,
    write_recommendations,
)
from cdimf_spark.distributed.scoring.user_lists import read_users
from cdimf_spark.evaluation_report import recommendation_table

_EXAMPLES = """\
Items that a user has in train are left out. The column source says where the user's factors come
from: own (he has a history in this domain), shared (not here, but in several others: their
consensus) or foreign (the mean of his factors elsewhere). Users whom no domain knows have no rows
and are counted in the log.

examples (each after: spark-submit --properties-file conf/local.conf):
  jobs/recommend.py --model models/shops --domain sport --users ids.txt
  jobs/recommend.py --model models/shops --domain sport --k 20 --output recommendations/sport"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser("recommend.py", __doc__, _EXAMPLES)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    add("--domain", metavar="NAME", required=True, help="the domain whose items to recommend")
    users = "text file of user ids, one a line, or a table with a column user_id (default: all)"
    add("--users", metavar="FILE", help=users)
    add("--k", type=int, default=10, help="items for each user (default 10)")
    output = "write user_id, rank, item_id, score, source there (default: print the first users)"
    add("--output", metavar="PATH", help=output)
    add("--format", choices=("delta", "parquet"), default="delta", help="of the output")
    add("--overwrite", action="store_true", help="replace what is at --output")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Parse, recommend, print or write."""
    given = parse_arguments(arguments)
    check_positive(given.k)
    spark = job_session("cdimf_spark: recommend")
    model = CDIMFModel(spark, given.model)
    users = read_users(spark, given.users) if given.users else None
    if given.output:
        rows = model.recommend(given.domain, users, given.k)
        write_recommendations(rows, given.output, given.format, given.overwrite)
        print(f"recommendations written to {given.output} ({given.format})")
        return
    shown = first_users(model.users_of(given.domain) if users is None else users)
    rows = model.recommend(given.domain, shown, given.k)
    print(recommendation_table([row.asDict() for row in rows.collect()]))


if __name__ == "__main__":
    raise SystemExit(run(main))
