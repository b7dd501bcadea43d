"""Train CDIMF on the interactions of one or more domains, or show it on demonstration data."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session
from cdimf_spark.cli.parser import job_parser
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.configuration.config import load_config
from cdimf_spark.configuration.options import option_help
from cdimf_spark.configuration.planning import plan_from_arguments, plan_text
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.demonstration import demonstrate, demonstration_options, trained_text
from cdimf_spark.distributed.estimator import train_from_config

_EXAMPLES = """\
examples (each after: spark-submit --properties-file conf/local.conf):
  jobs/train_cdimf.py
  jobs/train_cdimf.py --domain sport=sport.csv --domain cloth=cloth.csv --output models/shops
  jobs/train_cdimf.py --config shops.yaml --set rank=128 --set domains.cloth.columns=buyer,article
  jobs/train_cdimf.py --config shops.yaml --set max_iter=20 --resume
  jobs/train_cdimf.py --config shops.yaml --warm-start models/yesterday --set max_iter=4
  jobs/train_cdimf.py --plan users=1e6 items=2e5 interactions=3e7 domains=3 --set rank=128
"""
_HINTS = {
    "--overwrite": "a finished training replaces the model in its output folder without it; "
    "to keep that one, name another folder with --output"
}
AFTER_INTERRUPT = "recorded iterations are kept: go on with --resume"


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    description = f"{__doc__} Without --config and --domain: the demonstration."
    parser = job_parser(
        program,
        "train_cdimf",
        description,
        f"{_EXAMPLES}\n{option_help(ModelConfig, DomainConfig)}",
        _HINTS,
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="YAML file with options and domains")
    key = "an option, over the file's (domains.NAME.KEY=VALUE for one of a domain)"
    add("--set", metavar="KEY=VALUE", action="append", default=[], help=key)
    domain = (
        "a domain and its interactions: csv, tsv, JSON lines, Parquet, Delta; file, folder, glob "
        "or catalog.schema.table; columns user, item and (if wanted) weight"
    )
    add("--domain", metavar="NAME=PATH", action="append", default=[], help=domain)
    folder = (
        "folder of the model (default cdimf_model); a model that is there is replaced when this "
        "training is finished"
    )
    add("--output", metavar="DIR", help=folder)
    start = (
        "output folder of an earlier training: start from its users, which takes fewer iterations"
    )
    add("--warm-start", metavar="DIR", help=start)
    resume = "go on with the stopped training in the output folder, or with a larger max_iter"
    add("--resume", action="store_true", help=resume)
    numbers = (
        "only print how large a training would be, and do nothing. Of all domains together: "
        "users=N items=N interactions=N [domains=N cores=N shared=N heap=BYTES]; options by --set"
    )
    add("--plan", metavar="NAME=N", nargs="+", help=numbers)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, train, report."""
    given = parse_arguments(arguments, program)
    show = not (given.config or given.domain or given.plan)
    options = demonstration_options(given.set) if show else given.set
    config = load_config(given.config, options, given.domain, given.output, given.warm_start)
    if given.plan:
        program.say(plan_text(plan_from_arguments(given.plan, config.model)))
        return
    spark = job_session("cdimf_spark: train")
    if show:
        program.say(demonstrate(spark, config, given.resume))
    else:
        program.say(trained_text(train_from_config(spark, config, given.resume)))
