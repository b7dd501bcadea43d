"""Arguments that every job has which ranks held-out interactions."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from cdimf_spark.cli.parser import job_parser, lengths_argument, negatives_argument
from cdimf_spark.cli.program import Program
from cdimf_spark.configuration.config import parse_domains
from cdimf_spark.configuration.options import split_names
from cdimf_spark.evaluation.groups import GROUPINGS
from cdimf_spark.evaluation.protocol import Protocol
from cdimf_spark.results.single_files import check_file


def evaluation_parser(
    program: Program, job: str, description: str | None, epilog: str, groupings: Sequence[str]
) -> argparse.ArgumentParser:
    """Parser with ``--model --test --k --negatives --seed --by --json``.

    Parameters
    ----------
    program, job, description, epilog
        See `job_parser`.
    groupings
        Default of ``--by``.
    """
    parser = job_parser(program, job, description, epilog)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    test = "a domain and its test set (columns user, item), read like training data"
    add("--test", metavar="NAME=PATH", action="append", required=True, help=test)
    several = "length of the list that counts (default 10), or several: 5,10,20 (the first is main)"
    add("--k", metavar="K[,K...]", type=lengths_argument, default=[10], help=several)
    count = (
        "items drawn for each test row (default 999), or all: the whole catalogue; a domain with "
        "too few items is ranked in whole, and a warning says so"
    )
    add("--negatives", metavar="N|all", type=negatives_argument, default=999, help=count)
    add("--seed", type=int, default=0, help="seed of the draw (default 0)")
    default = "all" if list(groupings) == list(GROUPINGS) else ",".join(groupings) or "none"
    groups = f"groups of rows to measure apart: some of {','.join(GROUPINGS)} (default {default})"
    add("--by", metavar="GROUPS", type=split_names, default=list(groupings), help=groups)
    add("--json", metavar="FILE", help="also write the result to a file")
    return parser


def check_evaluation(given: argparse.Namespace) -> dict[str, str]:
    """Check what `evaluation_parser` read, before any work; return the test sets by domain.

    Raises
    ------
    ConfigurationError
        If an option cannot be used.
    """
    Protocol.of(given.k, given.negatives, given.seed, given.by)
    paths = parse_domains(given.test, "--test")
    check_file(given.json, "--json", evaluation_inputs(given.model, paths))
    return paths


def evaluation_inputs(model: str, tests: Mapping[str, str]) -> dict[str, str | None]:
    """What an evaluation reads, by what messages call it."""
    named = {f"the test set of domain {name!r}": path for name, path in tests.items()}
    return {"the model": model, **named}
