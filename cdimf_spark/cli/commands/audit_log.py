"""Print what left a party of a federation, and what it read."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.distributed.federation.audit import audit_text


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="cdimf audit-log", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "--output", metavar="DIR", required=True, help="folder of the party's model"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, load, report."""
    given = parse_arguments(arguments, program)
    spark = job_session("cdimf_spark: audit-log", spark__master="local[1]")
    program.say(audit_text(spark, given.output))
