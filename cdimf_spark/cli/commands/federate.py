"""Show a federation of three shops in three processes; leave a federation."""

from __future__ import annotations

import argparse
from pathlib import Path

from cdimf_spark.cli.command_line import job_session
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.configuration.config import load_config
from cdimf_spark.distributed.federation.party import Party
from cdimf_spark.distributed.federation_demonstration import (
    DemonstrationParty,
    run_parties,
    train_party,
    write_parties,
)
from cdimf_spark.errors import ConfigurationError

_EXAMPLES = """\
examples:
  cdimf federate demo
  cdimf federate demo --output shops
  cdimf federate leave --config sport.yaml
Your own parties train as always, each with a configuration that has a section `federation`:
  cdimf train --config sport.yaml
"""


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="cdimf federate",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="three parties on this machine, with generated data")
    folder = "new folder for the parties and their meeting place (default cdimf_federation)"
    demo.add_argument("--output", metavar="DIR", default="cdimf_federation", help=folder)
    party = commands.add_parser("party", help="what the process of one of them does")
    party.add_argument("folder", metavar="DIR", help="its folder, as the demonstration wrote it")
    leave = commands.add_parser("leave", help="say that a party will not go on")
    config = "configuration of the party, as for cdimf train"
    leave.add_argument("--config", metavar="FILE", required=True, help=config)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, run, report."""
    given = parse_arguments(arguments, program)
    if given.command == "party":
        folder = Path(given.folder)
        spark = job_session(
            "cdimf_spark: federate", spark__master="local[1]", spark__driver__memory="1g"
        )
        train_party(spark, DemonstrationParty(folder.name, folder))
        return
    if given.command == "leave":
        spark = job_session("cdimf_spark: federate")
        party = Party.of(spark, load_config(given.config))
        program.say(f"party {party.place.party} has left after round {party.leave()}")
        return
    folder = Path(given.output)
    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"--output {given.output}: name a new folder, this one has files")
    program.say(run_parties(write_parties(folder.absolute()), program.say))
