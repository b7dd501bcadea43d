"""The public face in Python: `prepare`, and what it returns."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.domains import given_domains
from cdimf_spark.configuration.options import check_names
from cdimf_spark.distributed.failures import public
from cdimf_spark.distributed.input.given import Domains, Given, Source, given_table
from cdimf_spark.distributed.output.guard import Inputs, check_target
from cdimf_spark.distributed.preparation.numbering import warning_text
from cdimf_spark.distributed.preparation.run_preparation import N_STAGES, run_preparation
from cdimf_spark.distributed.preparation.writing import (
    PARTS,
    refuse_unfit_ids,
    table_frame,
    write_report,
    write_tables,
)
from cdimf_spark.preparation.prepare_config import PrepareConfig, with_columns
from cdimf_spark.preparation.prepare_options import EventsConfig, PrepareOptions
from cdimf_spark.progress import showing
from cdimf_spark.reports.prepare_report import next_commands, preparation_text
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Prepared interactions: train, validation and test of each domain, and what was counted.

    `print` shows the tables of the report.

    Attributes
    ----------
    train, validation, test : dict of str to DataFrame
        By domain: user_id, item_id, weight and, where there are times, timestamp. What the split
        does not have is empty.
    report : dict
        All counts, ready for JSON.
    inputs : mapping of str to str or DataFrame
        What was prepared, by what messages call it.
    """

    parts: DataFrame
    report: dict[str, Any]
    inputs: Inputs = field(default_factory=dict, repr=False)

    @property
    def train(self) -> dict[str, DataFrame]:
        """Train interactions by domain."""
        return self._frames("train")

    @property
    def validation(self) -> dict[str, DataFrame]:
        """Validation interactions by domain."""
        return self._frames("validation")

    @property
    def test(self) -> dict[str, DataFrame]:
        """Test interactions by domain."""
        return self._frames("test")

    def _frames(self, part: str) -> dict[str, DataFrame]:
        return {
            name: table_frame(self.parts, name, part, self.report["events"][name]["timed"] > 0)
            for name, sizes in self.report["sizes"].items()
            if part in sizes
        }

    @public
    def write(self, output: str, format: str | None = None, overwrite: bool = False) -> None:
        """Write a table for each domain and part, ``OUTPUT/sport/train``, and report.json.

        Parameters
        ----------
        output : str
            A folder that Spark can write.
        format : str, optional
            delta, parquet or csv; the option `format` if left out.
        overwrite : bool
            Replace an earlier preparation; it stays as it is until the new one is complete.

        Raises
        ------
        ConfigurationError
            There is something at the path that must not be replaced, or the path has a file in
            common with the events.
        """
        spark, form = self.parts.sparkSession, format or self.report["config"]["format"]
        frames = {
            f"{name}/{part}": frame for part in PARTS for name, frame in self._frames(part).items()
        }
        order = Order(Kind.PREPARED, form, overwrite)
        target = check_target(spark, output, order, self.inputs)
        if form == "csv":
            refuse_unfit_ids(self.parts)
        config = {**self.report["config"], "output": output, "format": form}
        commands = self.commands(output).splitlines()[1:]
        report = {**self.report, "config": config, "next": [line.strip() for line in commands]}
        with target.writing() as path:
            write_tables(frames, target, path)
            write_report(spark, report, path)

    def commands(self, output: str) -> str:
        """Return the commands that train on a written folder and evaluate the model."""
        return next_commands(output, list(self.report["sizes"]), bool(self.test))

    def __str__(self) -> str:
        return preparation_text(self.report)


@public
def prepare(
    events: Domains,
    links: Source | None = None,
    domain_options: Mapping[str, Mapping[str, Any]] | None = None,
    verbose: bool = True,
    **options: Any,
) -> Prepared:
    """Prepare raw events: clean interactions, one id for a person, and a split.

    Parameters
    ----------
    events : mapping of str to frame or path
        Events by domain, with columns of well-known names or those of the option `columns`: frames
        of Spark, pandas or Arrow, or paths that a job would read; or one frame with a column
        `domain`.
    links : frame or path, optional
        Link table: domain, user_id, person_id.
    domain_options : mapping, optional
        Options of single domains: ``{"sport": {"min_rating": 4}}``.
    verbose : bool
        As in `CDIMF.fit`.
    **options
        Options of `PrepareOptions`: min_rating, filter, split, seed, ...

    Raises
    ------
    ConfigurationError
        An option is unknown, out of range, or contradicts another one.
    DataError
        The data cannot be used.

    Examples
    --------
    >>> prepared = prepare({"sport": sport, "cloth": cloth}, split="warm", seed=1)
    >>> print(prepared)
    >>> model = CDIMF(output="models/shops").fit(prepared.train)
    >>> model.evaluate(prepared.test)
    >>> prepared.write("data/shops")
    """
    check_names(options, [field.name for field in fields(PrepareOptions)], "prepare()")
    given = Given.of(events, "prepare()")
    common = PrepareOptions(**options)
    domains = given_domains(EventsConfig, given.paths, domain_options)
    config = PrepareConfig(common, tuple(with_columns(domain, common) for domain in domains))
    linked = given_table(given.spark, links, "links")
    inputs: Inputs = {
        **{f"the events of domain {name!r}": source for name, source in given.sources.items()},
        "the links": linked,
        "the key file": common.key_file,
    }
    prepared = _prepared(given.spark, config, given.frames, linked, verbose)
    return replace(prepared, inputs=inputs)


def prepare_from_config(
    spark: SparkSession, config: PrepareConfig, overwrite: bool = False
) -> Prepared:
    """Prepare the files or tables that a configuration names, and write the result.

    Raises
    ------
    ConfigurationError
        The output exists and is not to be replaced; this is seen before anything is read.
    DataError
        The data cannot be used; nothing is written.
    """
    inputs: Inputs = {
        **{f"the events of domain {domain.name!r}": domain.path for domain in config.domains},
        "the links": config.options.links,
        "the key file": config.options.key_file,
    }
    order = Order(Kind.PREPARED, config.options.format, overwrite)
    check_target(spark, config.output, order, inputs)
    prepared = replace(_prepared(spark, config), inputs=inputs)
    prepared.write(config.output, overwrite=overwrite)
    return prepared


def _prepared(
    spark: SparkSession,
    config: PrepareConfig,
    events: Mapping[str, DataFrame] | None = None,
    links: DataFrame | str | None = None,
    verbose: bool = True,
) -> Prepared:
    with showing(verbose, N_STAGES, "stage"):
        parts, report = run_preparation(spark, config, events, links)
    report["warnings"] = [warning_text(finding) for finding in report["accidental_ids"]]
    report["warnings"] += [
        f"no user of domain {name!r} has a link: check the column domain of the link table"
        for name, found in report.get("links", {}).items()
        if not found["linked"]
    ]
    for text in report["warnings"]:
        logger.warning("%s", text)
    return Prepared(parts, report)
