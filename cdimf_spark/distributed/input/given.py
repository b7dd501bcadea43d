"""Data that a call in Python gives: frames of Spark, pandas or Arrow, and paths, by domain."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Self, TypeAlias

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.domains import IN_MEMORY
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.reading import read_annotated
from cdimf_spark.distributed.input.validation import annotate
from cdimf_spark.distributed.session import build_session
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.schemas import DOMAIN

Frame: TypeAlias = DataFrame | pd.DataFrame | pa.Table
Source: TypeAlias = Frame | str | os.PathLike[str]
# Either one frame (or path) per domain, or one frame with a column `domain`.
Domains: TypeAlias = Frame | Mapping[str, Source]
_FRAMES = (DataFrame, pd.DataFrame, pa.Table)
_SOURCES = (*_FRAMES, str, os.PathLike)

_WANTED = (
    "wants one frame or path per domain, {'sport': frame, 'cloth': 'data/cloth.csv'}, or one frame "
    "with a column 'domain' (frames of Spark, pandas or Arrow)"
)


class Given(NamedTuple):
    """Sources of the domains: frames of Spark, or paths and tables."""

    spark: SparkSession
    sources: Mapping[str, DataFrame | str]

    @classmethod
    def of(cls, data: object, call: str, spark: SparkSession | None = None) -> Self:
        """Find out what was given.

        Parameters
        ----------
        data
            See `Domains`.
        call
            What messages call the function or the argument: ``fit()``.
        spark
            The session; None: that of the frames, the active one, or a new one.

        Raises
        ------
        ConfigurationError
            It is something else, or there is no domain.
        """
        if not isinstance(data, (Mapping, *_FRAMES)):
            raise ConfigurationError(f"{call} {_WANTED}; this is {_kind_of(data)}")
        if isinstance(data, Mapping):
            for name, source in data.items():
                _check_source(name, source, call)
            session = spark or _session_of(data.values())
            return cls(session, {name: _source(session, one) for name, one in data.items()})
        session = spark or _session_of([data])
        return cls(session, _by_domain(to_spark(session, data), call))

    @property
    def paths(self) -> dict[str, str | None]:
        """Path or table of each domain; None for a frame."""
        return {
            name: source if isinstance(source, str) else None
            for name, source in self.sources.items()
        }

    @property
    def frames(self) -> dict[str, DataFrame]:
        """The domains that were given as frames."""
        return {name: one for name, one in self.sources.items() if not isinstance(one, str)}

    def annotated(
        self, domains: Sequence[DomainConfig], with_weight: bool = True, called: str = ""
    ) -> dict[str, DataFrame]:
        """Return the rows of each domain with their problems: see `annotate`.

        Parameters
        ----------
        domains
            How each is read.
        with_weight
            False: every weight is 1 and weight columns are not looked at.
        called
            What messages call a frame; by default its domain's `path`.
        """

        def rows(domain: DomainConfig) -> DataFrame:
            source = self.sources[domain.name]
            if isinstance(source, str):
                return read_annotated(self.spark, domain, with_weight)
            name = called or domain.path
            return annotate(source, domain.name, name, domain.columns, with_weight)

        with ThreadPoolExecutor() as pool:
            frames = list(pool.map(rows, domains))
        return {domain.name: frame for domain, frame in zip(domains, frames, strict=True)}


def given_rows(
    spark: SparkSession, source: object, domain: str, called: str, with_weight: bool = True
) -> DataFrame:
    """Return the rows of one domain's frame or path with their problems: see `annotate`.

    Raises
    ------
    ConfigurationError
        It is something else.
    """
    table = given_table(spark, source, called)
    if table is None:
        raise ConfigurationError(f"{called}: a frame or a path is wanted; this is None")
    path = table if isinstance(table, str) else IN_MEMORY
    given = Given(spark, {domain: table})
    return given.annotated([DomainConfig(domain, path)], with_weight, called)[domain]


def called(source: object, name: str) -> str:
    """What messages call a source: its path, or the name of the argument for a frame."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else name


def given_table(spark: SparkSession, source: object, called: str) -> DataFrame | str | None:
    """Return a frame as one of Spark, a path as a text, None as it is.

    Raises
    ------
    ConfigurationError
        It is something else.
    """
    if source is None:
        return None
    if not isinstance(source, _SOURCES):
        raise ConfigurationError(
            f"{called}: a frame (of Spark, pandas or Arrow) or a path is wanted; this is "
            f"{_kind_of(source)}"
        )
    return _source(spark, source)


def to_spark(spark: SparkSession, frame: Frame) -> DataFrame:
    """Return a frame of pandas or Arrow as one of Spark.

    Raises
    ------
    DataError
        A column has values that Arrow cannot hold together, or of a type that Spark has not.
    """
    if isinstance(frame, DataFrame):
        return frame
    try:
        table = frame
        if isinstance(frame, pd.DataFrame):
            table = pa.Table.from_pandas(frame, preserve_index=False)
        return spark.createDataFrame(_plain_columns(table))
    except Exception as error:
        raise DataError(
            f"a frame of {type(frame).__module__.split('.')[0]} cannot be read: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _plain_columns(table: pa.Table) -> pa.Table:
    """Categories as their values, and unsigned numbers as signed ones: Spark has neither."""
    kinds = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_unsigned_integer(kind):
            kind = pa.int64()
        kinds.append(field.with_type(kind))
    return table.cast(pa.schema(kinds))


def _session_of(sources: Iterable[object]) -> SparkSession:
    frames = [one for one in sources if isinstance(one, DataFrame)]
    return frames[0].sparkSession if frames else build_session()


def _source(spark: SparkSession, source: Source) -> DataFrame | str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return to_spark(spark, source)


def _check_source(name: object, source: object, call: str) -> None:
    if not isinstance(source, _SOURCES):
        raise ConfigurationError(f"{call} {_WANTED}; domain {name!r} is {_kind_of(source)}")


def _kind_of(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}: {value!r:.60}"


def _by_domain(frame: DataFrame, call: str) -> dict[str, DataFrame]:
    if DOMAIN not in frame.columns:
        present = ", ".join(frame.columns) or "none"
        raise ConfigurationError(f"{call} {_WANTED}; columns that are present: {present}")
    found = [row[0] for row in frame.select(F.col(DOMAIN).cast("string")).distinct().collect()]
    if None in found:
        raise DataError(f"{call}: the column 'domain' is empty in some rows")
    return {name: frame.where(F.col(DOMAIN) == name).drop(DOMAIN) for name in sorted(found)}
