"""Prepare raw events: clean interactions, one id for a person, train, validation and test."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session
from cdimf_spark.cli.parser import job_parser
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.configuration.options import options_of
from cdimf_spark.distributed.preparation.prepared import prepare_from_config
from cdimf_spark.preparation.prepare_config import load_prepare_config
from cdimf_spark.preparation.prepare_help import EXAMPLES, add_options
from cdimf_spark.preparation.prepare_options import PrepareOptions


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser(program, "prepare", __doc__, EXAMPLES)
    add = parser.add_argument
    domain = (
        "a domain and its events: csv, tsv, JSON lines, Parquet, Delta; gzip too; file, folder, "
        "glob or catalog.schema.table"
    )
    add("--domain", metavar="NAME=PATH", action="append", default=[], help=domain)
    add("--output", metavar="DIR", help="folder of the result (default prepared)")
    add("--overwrite", action="store_true", help="replace an earlier result there")
    add("--config", metavar="FILE", help="YAML file with the options below, domains and output")
    one = "an option of one domain: domains.NAME.KEY=VALUE"
    add("--set", metavar="KEY=VALUE", action="append", default=[], help=one)
    add_options(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, prepare, report."""
    given = parse_arguments(arguments, program)
    named = {name: getattr(given, name) for name in options_of(PrepareOptions)}
    options = {name: value for name, value in named.items() if value is not None}
    config = load_prepare_config(given.config, options, given.set, given.domain, given.output)
    spark = job_session("cdimf_spark: prepare")
    prepared = prepare_from_config(spark, config, given.overwrite)
    program.say(prepared)
    program.say(f"\nWritten to {config.output} ({config.options.format}), with report.json")
    program.say(f"\n{prepared.commands(config.output)}")
