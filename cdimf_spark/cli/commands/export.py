"""Export a model for serving: arrays for Python without Spark, or tables for a vector index."""

from __future__ import annotations

import argparse

from cdimf_spark.cli.command_line import job_session
from cdimf_spark.cli.parser import job_parser
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.errors import ConfigurationError

_EXAMPLES = """\
Format arrays: a local folder of .npy files (factors as float32, ids, popularity) and model.json
with the scalars of the row equations. It appears when it is complete. In Python, without Spark:

    from cdimf_spark import ServingModel
    model = ServingModel.open("exports/shops")
    model.recommend("sport", "anna", k=10, exclude=["ball"])

Format index: the tables item_vectors (domain, item_id, vector) and user_vectors (domain, user_id,
vector) below the output path. Vectors have rank + 1 numbers: an index of cosines or of Euclidean
distances finds the items of the largest scores, in their order.

examples (each after: spark-submit --properties-file conf/local.conf):
  jobs/export.py --model models/shops --output exports/shops
  jobs/export.py --model models/shops --domain sport --output exports/sport --overwrite
  jobs/export.py --model models/shops --output index/shops --format index --tables parquet"""


def parse_arguments(
    arguments: list[str] | None = None, program: Program = JOB
) -> argparse.Namespace:
    """Read the command line."""
    parser = job_parser(program, "export", __doc__, _EXAMPLES)
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="output folder of a training")
    output = "arrays: a local folder of this machine; index: any path that Spark can write"
    add("--output", metavar="DIR", required=True, help=output)
    add("--format", choices=("arrays", "index"), default="arrays", help="default: arrays")
    only = "export this domain; may be repeated (default: all domains)"
    add("--domain", metavar="NAME", action="append", help=only)
    tables = "format of the tables of an index (default delta)"
    add("--tables", choices=("delta", "parquet"), help=tables)
    add("--overwrite", action="store_true", help="replace an earlier export")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: Program = JOB) -> None:
    """Parse, export, report."""
    given = parse_arguments(arguments, program)
    if given.tables and given.format == "arrays":
        raise ConfigurationError("--tables is for --format index: arrays are .npy files")
    model = CDIMFModel.load(given.model, job_session("cdimf_spark: export"))
    if given.format == "arrays":
        folder = model.export(given.output, given.domain, given.overwrite)
        program.say(f"arrays written to {folder}")
        return
    tables = given.tables or "delta"
    model.export_index(given.output, given.domain, tables, given.overwrite)
    program.say(f"item_vectors and user_vectors written to {given.output} ({tables})")
