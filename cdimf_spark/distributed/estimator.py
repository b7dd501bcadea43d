"""The public face in Python: an estimator with `fit`, as in `pyspark.ml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import reduce
from typing import Any, Self

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.config import DEFAULT_OUTPUT, DomainConfig, ModelConfig, TrainConfig
from cdimf_spark.configuration.options import check_names
from cdimf_spark.distributed.input.reading import read_all_annotated
from cdimf_spark.distributed.input.validation import annotate
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.training.checked_output import check_output
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.schemas import DOMAIN


class CDIMF:
    """Cross-domain implicit matrix factorization.

    Parameters
    ----------
    output : str
        Folder of the model's Delta tables, any path that Spark can write. An earlier model there
        is replaced when the new one is finished.
    **options
        Options of `ModelConfig`: rank, max_iter, reg_param, rho, seed, ...

    Raises
    ------
    ConfigurationError
        If an option is unknown or out of range.

    Examples
    --------
    >>> cdimf = CDIMF(output="models/shops", rank=64, max_iter=10)
    >>> model = cdimf.fit({"sport": sport, "cloth": cloth})  # user_id, item_id[, weight]
    >>> model.evaluate({"sport": sport_test, "cloth": cloth_test})
    >>> model.recommend("sport", k=10).show()
    """

    def __init__(self, output: str = DEFAULT_OUTPUT, **options: Any) -> None:
        check_names(options, [field.name for field in fields(ModelConfig)], "CDIMF()")
        self.config = TrainConfig(model=ModelConfig(**options), output=output)

    @classmethod
    def from_config(cls, config: TrainConfig) -> Self:
        """An estimator with the options and the output of a configuration."""
        estimator = cls()
        estimator.config = config
        return estimator

    def fit(
        self,
        interactions: DataFrame | Mapping[str, DataFrame],
        domain_options: Mapping[str, Mapping[str, Any]] | None = None,
        resume: bool = False,
        warm_start: str | None = None,
    ) -> CDIMFModel:
        """Train and publish.

        Parameters
        ----------
        interactions
            A frame a domain, by the domain's name; or one frame with a column `domain`. Columns
            user_id, item_id and, if wanted, weight (default 1). Ids may be strings or integers;
            a user has the same id in every domain.
        domain_options
            Options of single domains: ``{"sport": {"reg_param": 3.0}}``.
        resume
            Go on with the last training in the output folder, after it was stopped or with a
            larger `max_iter`.
        warm_start
            Output folder of an earlier training (it may be the same one): start from its users,
            where it has them, which takes fewer iterations.

        Raises
        ------
        DataError
            If the data cannot be used; an earlier model stays as it is.
        """
        frames = _by_domain(interactions)
        options = domain_options or {}
        check_names(options, list(frames), "domain_options")
        domains = tuple(
            DomainConfig(name=name, **{"path": "the DataFrame", **options.get(name, {})})
            for name in frames
        )
        config = replace(self.config, domains=domains)
        if warm_start is not None:
            config = replace(config, warm_start=warm_start)
        annotated = [
            annotate(frames[domain.name], domain.name, columns=domain.columns) for domain in domains
        ]
        return _train(reduce(DataFrame.unionByName, annotated), config, resume)


def train_from_config(spark: SparkSession, config: TrainConfig, resume: bool = False) -> CDIMFModel:
    """Train on the files or tables that a configuration names."""
    if not config.domains:
        raise ConfigurationError("no domain: name at least one with --domain NAME=PATH")
    check_output(spark, config)
    annotated = read_all_annotated(spark, config.domains).values()
    return _train(reduce(DataFrame.unionByName, annotated), config, resume)


def _train(annotated: DataFrame, config: TrainConfig, resume: bool) -> CDIMFModel:
    spark = annotated.sparkSession
    run = train(spark, annotated, config, resume)
    return CDIMFModel(spark, config.output, run)


def _by_domain(interactions: DataFrame | Mapping[str, DataFrame]) -> dict[str, DataFrame]:
    if isinstance(interactions, Mapping):
        return dict(interactions)
    if DOMAIN not in interactions.columns:
        raise ConfigurationError(
            "fit() wants a frame a domain, {'sport': frame, ...}, or one frame with a column "
            f"'domain'; present: {', '.join(interactions.columns)}"
        )
    names = [row[0] for row in interactions.select(DOMAIN).distinct().collect()]
    return {name: interactions.where(F.col(DOMAIN) == name).drop(DOMAIN) for name in sorted(names)}
