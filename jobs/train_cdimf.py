"""Train CDIMF on the interactions of one or more domains, or show it on demonstration data."""

from __future__ import annotations

import argparse

from cdimf_spark.command_line import run
from cdimf_spark.config import load_config
from cdimf_spark.distributed.demonstration import demonstrate, published_text
from cdimf_spark.distributed.estimator import train_from_config
from cdimf_spark.distributed.session import build_session
from cdimf_spark.options import option_help
from cdimf_spark.report import training_summary
from cdimf_spark.settings import DomainConfig, ModelConfig


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="train_cdimf.py",
        description=f"{__doc__} Without --config and --domain: the demonstration.",
        epilog=option_help(ModelConfig, DomainConfig),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="YAML file with options and domains")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="an option, over the file's (domains.NAME.KEY=VALUE for one of a domain)",
    )
    parser.add_argument(
        "--domain",
        metavar="NAME=PATH",
        action="append",
        default=[],
        help="a domain and its interactions: csv, tsv, json lines, parquet, Delta; file, folder, "
        "glob or catalog.schema.table; columns user, item and (if wanted) weight",
    )
    parser.add_argument("--output", metavar="DIR", help="folder of the model (default cdimf_model)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the stopped training in the output folder, or with a larger max_iter",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Parse, train, report."""
    given = parse_arguments(arguments)
    config = load_config(given.config, given.set, given.domain, given.output)
    spark = build_session(app_name="cdimf_spark: train")
    if not config.domains:
        print(demonstrate(spark, config, given.resume))
        return
    model = train_from_config(spark, config, given.resume)
    history = model.history.orderBy("iteration").collect()
    print(training_summary([row.asDict(recursive=True) for row in history]))
    print(published_text(config.output))


if __name__ == "__main__":
    raise SystemExit(run(main))
