"""The public face in Python: `prepare`, and what it returns."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.options import check_names
from cdimf_spark.distributed.output.guard import Inputs, check_target
from cdimf_spark.distributed.preparation.numbering import warning_text
from cdimf_spark.distributed.preparation.run_preparation import run_preparation
from cdimf_spark.distributed.preparation.writing import (
    PARTS,
    refuse_unfit_ids,
    table_frame,
    write_report,
    write_tables,
)
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.preparation.prepare_config import PrepareConfig, with_columns
from cdimf_spark.preparation.prepare_options import EventsConfig, PrepareOptions
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


def prepare(
    events: Mapping[str, DataFrame],
    links: DataFrame | None = None,
    domain_options: Mapping[str, Mapping[str, Any]] | None = None,
    **options: Any,
) -> Prepared:
    """Prepare raw events: clean interactions, one id for a person, and a split.

    Parameters
    ----------
    events : mapping of str to DataFrame
        Events by domain, with columns of well-known names or those of the option `columns`.
    links : DataFrame, optional
        Link table: domain, user_id, person_id.
    domain_options : mapping, optional
        Options of single domains: ``{"sport": {"min_rating": 4}}``.
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
    own = domain_options or {}
    check_names(own, list(events), "domain_options")
    if not events:
        raise ConfigurationError("prepare() wants a frame a domain: {'sport': frame, ...}")
    common = PrepareOptions(**options)
    domains = tuple(
        with_columns(
            EventsConfig(name=name, **{"path": "the DataFrame", **own.get(name, {})}), common
        )
        for name in events
    )
    config = PrepareConfig(common, domains)
    spark = next(iter(events.values())).sparkSession
    inputs: Inputs = {f"the events of domain {name!r}": frame for name, frame in events.items()}
    return replace(
        _prepared(spark, config, events, links),
        inputs={**inputs, "the links": links, "the key file": common.key_file},
    )


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
    links: DataFrame | None = None,
) -> Prepared:
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
