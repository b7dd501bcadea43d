"""Search for good options of the model on a validation set, and write the best ones as YAML."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session
from cdimf_spark.cli.parser import job_parser, negatives_argument
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.configuration.config import load_config, parse_domains, split_pairs
from cdimf_spark.configuration.strict_yaml import read_yaml
from cdimf_spark.distributed.tuning.tune import DEFAULT_TUNING_OUTPUT, check_named, tune_from_config
from cdimf_spark.tuning.search_space import search_space, space_help
from cdimf_spark.tuning.tuning_options import TuningOptions

_TEXT = """\
Each trial trains with other options and is evaluated on the validation set every --step
iterations. It ends when the metric no longer grows, at max_iter, or when it is below the median of
the earlier trials after as many iterations. Without --validation, one interaction of each user is
held out in each domain, chosen by a hash of the seed and the ids. For users without a history in a
domain (cold start), give validation sets made by jobs/prepare.py --split cold.
The best options are in OUTPUT/best.yaml after every trial; a search that was stopped goes on with
the same command. Train with them on all data:
  jobs/train_cdimf.py --config OUTPUT/best.yaml --output models/shops

examples (each after: spark-submit --properties-file conf/local.conf):
  jobs/tune.py --domain sport=sport.csv --domain cloth=cloth.csv --output tuning --trials 30
  jobs/tune.py --config shops.yaml --set max_iter=16 --search rank=64:512 --search rho=none
"""
AFTER_INTERRUPT = "finished trials are kept: the same command goes on"


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser(program, "tune", __doc__, f"{_TEXT}\n{space_help()}")
    add = parser.add_argument
    add("--config", metavar="FILE", help="YAML file with options and domains, as for training")
    fixed = "an option that is not searched; max_iter is the most that a trial runs (default 10)"
    add("--set", metavar="KEY=VALUE", action="append", default=[], help=fixed)
    domain = "a domain and its train interactions, as for training"
    add("--domain", metavar="NAME=PATH", action="append", default=[], help=domain)
    held_out = "held-out interactions of a domain (columns user, item), not among the others"
    add("--validation", metavar="NAME=PATH", action="append", default=[], help=held_out)
    other = "search other values of an option than below, or (none) do not search it"
    add("--search", metavar="KEY=LOW:HIGH|none", action="append", default=[], help=other)
    folder = "folder of the driver's file system for trials, best options and the trials' model"
    add("--output", metavar="DIR", default=DEFAULT_TUNING_OUTPUT, help=folder)
    default = TuningOptions()
    number = f"configurations to try, those before a stop included (default {default.trials})"
    add("--trials", type=int, default=default.trials, help=number)
    step = f"iterations between evaluations of a trial (default {default.step})"
    add("--step", type=int, default=default.step, help=step)
    metric = "what is maximised, the mean of the domains: ndcg (default), hr or mrr"
    add("--metric", default=default.metric, help=metric)
    add("--k", type=int, default=default.k, help="length of the list that counts (default 10)")
    count = (
        "items drawn for each validation row (default 999), or all: the whole catalogue, as in a "
        "domain with too few items"
    )
    add("--negatives", metavar="N|all", type=negatives_argument, default=999, help=count)
    add("--seed", type=int, default=0, help="of the search, the split and the draw (default 0)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, search, report."""
    given = parse_arguments(arguments, program)
    config = load_config(given.config, given.set, given.domain)
    validation = parse_domains(given.validation, "--validation")
    names = ("trials", "step", "metric", "k", "negatives", "seed")
    tuning = TuningOptions(**{name: getattr(given, name) for name in names})
    ranges = split_pairs(given.search, "--search", "KEY=LOW:HIGH")
    in_file = read_yaml(given.config) if given.config else {}
    space = search_space(ranges, {*in_file, *split_pairs(given.set, "--set", "KEY=VALUE")})
    check_named(config, validation)
    spark = job_session("cdimf_spark: tune")
    tuned = tune_from_config(spark, config, validation, given.output, space, tuning)
    program.say(f"Best of {len(tuned.trials)} trials\n{tuned}\n")
    program.say(f"Written to {tuned.best_file}; train on all data with:")
    submit = "spark-submit --properties-file conf/local.conf jobs/train_cdimf.py"
    program.say(f"  {submit} --config {tuned.best_file} --output DIR")
