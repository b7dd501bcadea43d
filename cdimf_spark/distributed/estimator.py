"""The public face in Python: an estimator with `fit`, as in `pyspark.ml`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any, Never, Self

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.arguments import refuse_arguments_of
from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.domains import given_domains
from cdimf_spark.configuration.federation import FederationConfig
from cdimf_spark.configuration.options import check_names, options_of
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.failures import public
from cdimf_spark.distributed.federation.party import Party
from cdimf_spark.distributed.input.given import Domains, Given
from cdimf_spark.distributed.input.reading import read_all_annotated
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.session import check_delta
from cdimf_spark.distributed.training.checked_output import check_output
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.progress import showing


class CDIMF:
    """Cross-domain implicit matrix factorization.

    Parameters
    ----------
    output : str
        Folder of the model's Delta tables, any path that Spark can write. `fit` writes there; an
        earlier model there is replaced when the new one is finished.
    rank : int, default 64
        Length of a factor row; a whole number between 1 and 4096.
    max_iter : int, default 10
        Iterations; a whole number between 1 and 100000.
    rho : float, default 1.0
        Pull of shared users to the consensus; 0: none; a finite number, 0 or more.
    reg_param : float | None, default None
        Ridge strength; a finite number above 0. None: 2, paper: 0.03.
    reg_scaling : str, default 'relative'
        How the ridge of a row depends on its count; one of relative, paper.
    reg_exponent : float | None, default None
        Exponent of that scaling, both sides; a finite number between 0 and 2. None: see the
        sides.
    user_reg_exponent : float | None, default None
        The same for users only; a finite number between 0 and 2. None: reg_exponent or 0,
        paper: 1.
    item_reg_exponent : float | None, default None
        The same for items only; a finite number between 0 and 2. None: reg_exponent or 0.5,
        paper: 1.
    unobserved_weight : float | None, default None
        Weight of an unobserved cell; a finite number, 0 or more. None: by unobserved_ratio,
        paper: 0.3.
    unobserved_ratio : float, default 12.0
        Weight of all unobserved cells over that of the observed ones; a finite number above
        0.
    user_prior : float, default 0.0
        Share of their domain's mean row that the ridge draws users to; a finite number
        between 0 and 1.
    schedule : str, default 'consensus'
        Items see the consensus of shared users, or their domain's own rows (paper); one of
        consensus, paper.
    over_relaxation : float | None, default None
        Relaxation of the ADMM; a finite number between 0 and 2, both excluded. None: 1.6,
        paper: 1.
    proximal : str, default 'identity'
        Operator on the consensus; one of identity, l2.
    proximal_strength : float, default 0.0
        Lambda of that operator; a finite number, 0 or more.
    aggregation_period : int, default 1
        Iterations from one consensus to the next; a whole number, 1 or more.
    shared_user_weight : float, default 1.0
        Weight of shared users in the item half-step; a finite number above 0.
    init_scale : float, default 0.1
        Initial rows: this / sqrt(rank); a finite number above 0.
    seed : int, default 0
        Seed of the initial rows; a whole number between 0 and 9223372036854775807.
    residual_tol : float | None, default None
        Stop at this relative residual; a finite number above 0. None: do not.
    loss_tol : float | None, default None
        Stop at this relative loss change; a finite number above 0. None: do not.
    num_blocks : int | None, default None
        Blocks of users, and of items; a whole number between 1 and 500000. None: by the
        data.
    num_item_blocks : int | None, default None
        Blocks of items, if not as many; a whole number between 1 and 500000. None: as many.
    keep_iterations : int, default 2
        Last iterations whose working state is kept; a whole number, 1 or more.
    duplicates : str, default 'sum'
        Repeated (user, item): add the weights, or count one; one of sum, once.
    federation : mapping, default None
        Train with other parties, each in an application of its own: the section `federation` of a
        configuration (terms, party, meeting_place, key_file or key_env, keep_files).

    Raises
    ------
    ConfigurationError
        If an option is unknown or out of range.

    Examples
    --------
    >>> cdimf = CDIMF("models/shops", rank=64, max_iter=10)
    >>> model = cdimf.fit({"sport": sport, "cloth": cloth})  # user_id, item_id[, weight]
    >>> model.evaluate({"sport": sport_test, "cloth": cloth_test})
    >>> model.recommend("sport", k=10).show()
    """

    # The options are those of `ModelConfig`, spelt out for editors. (A misspelt one is an error of
    # the package, which names the nearest; for a type checker nothing fits `Never`.)
    def __init__(
        self,
        output: str | os.PathLike[str],
        *,
        rank: int = 64,
        max_iter: int = 10,
        rho: float = 1.0,
        reg_param: float | None = None,
        reg_scaling: str = "relative",
        reg_exponent: float | None = None,
        user_reg_exponent: float | None = None,
        item_reg_exponent: float | None = None,
        unobserved_weight: float | None = None,
        unobserved_ratio: float = 12.0,
        user_prior: float = 0.0,
        schedule: str = "consensus",
        over_relaxation: float | None = None,
        proximal: str = "identity",
        proximal_strength: float = 0.0,
        aggregation_period: int = 1,
        shared_user_weight: float = 1.0,
        init_scale: float = 0.1,
        seed: int = 0,
        residual_tol: float | None = None,
        loss_tol: float | None = None,
        num_blocks: int | None = None,
        num_item_blocks: int | None = None,
        keep_iterations: int = 2,
        duplicates: str = "sum",
        federation: Mapping[str, Any] | None = None,
        **unknown: Never,
    ) -> None:
        given = locals()
        known = list(options_of(ModelConfig))
        refuse_arguments_of("fit", inspect.signature(type(self).fit).parameters, unknown)
        check_names(unknown, [*known, "output", "federation"], "CDIMF()")
        model = ModelConfig(**{name: given[name] for name in known})
        folder = os.fspath(output) if isinstance(output, os.PathLike) else output
        private = FederationConfig.from_dict(federation, "CDIMF()")
        self.config = TrainConfig(model=model, output=folder, federation=private)

    def __repr__(self) -> str:
        """Show the output folder and the options that differ from their defaults."""
        default = ModelConfig()
        changed = [
            f"{name}={getattr(self.config.model, name)!r}"
            for name in options_of(ModelConfig)
            if getattr(self.config.model, name) != getattr(default, name)
        ]
        return f"CDIMF({', '.join([repr(self.config.output), *changed])})"

    @classmethod
    def from_config(cls, config: TrainConfig) -> Self:
        """An estimator with the options and the output of a configuration."""
        estimator = cls(config.output)
        estimator.config = config
        return estimator

    @public
    def fit(
        self,
        interactions: Domains,
        domain_options: Mapping[str, Mapping[str, Any]] | None = None,
        resume: bool = False,
        warm_start: str | None = None,
        verbose: bool = True,
    ) -> CDIMFModel:
        """Train, and publish in the output folder.

        Parameters
        ----------
        interactions
            By the domain's name a frame (of Spark, pandas or Arrow), or the path or table that a
            job would read; or one frame with a column `domain`. Columns user_id, item_id and, if
            wanted, weight (default 1). Ids may be strings or integers; a user has the same id in
            every domain.
        domain_options
            Options of single domains: ``{"sport": {"reg_param": 3.0}}``; for one that is a path
            also how it is read: format, columns, separator, header.
        resume
            Go on with the last training in the output folder, after it was stopped or with a
            larger `max_iter`.
        warm_start
            Output folder of an earlier training (it may be the same one): start from its users,
            where it has them, which takes fewer iterations.
        verbose
            Show the log lines of the package where logging is not configured, and a progress bar
            on a terminal and in a notebook. False: neither.

        Raises
        ------
        ConfigurationError
            An argument or option cannot be used, or the session has no Delta Lake.
        DataError
            If the data cannot be used; an earlier model stays as it is.
        """
        given = Given.of(interactions, "fit()")
        domains = given_domains(DomainConfig, given.paths, domain_options)
        config = replace(self.config, domains=domains)
        if warm_start is not None:
            config = replace(config, warm_start=warm_start)
        check_delta(given.spark)
        return _train(given.annotated(domains), config, resume, verbose)


def train_from_config(spark: SparkSession, config: TrainConfig, resume: bool = False) -> CDIMFModel:
    """Train on the files or tables that a configuration names."""
    if not config.domains:
        raise ConfigurationError("no domain: name at least one with --domain NAME=PATH")
    check_output(spark, config)
    return _train(read_all_annotated(spark, config.domains), config, resume)


def _train(
    annotated: Mapping[str, DataFrame],
    config: TrainConfig,
    resume: bool,
    verbose: bool = True,
) -> CDIMFModel:
    rows = reduce(DataFrame.unionByName, annotated.values())
    party = None if config.federation is None else Party.of(rows.sparkSession, config)
    config = config if party is None else party.config
    with showing(verbose, config.model.max_iter, "iteration"):
        run = train(rows.sparkSession, rows, config, resume, federation=party)
    return CDIMFModel(PublishedModel(rows.sparkSession, config.output, run))
