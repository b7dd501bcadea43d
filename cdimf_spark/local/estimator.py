"""CDIMF on one machine: an estimator with `fit`, without Spark and Java."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from cdimf_spark.configuration.domains import IN_MEMORY, check_domain_names, given_domains
from cdimf_spark.configuration.options import check_names
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.errors import DataError
from cdimf_spark.local.fitted import serve
from cdimf_spark.local.input.by_domain import by_domain
from cdimf_spark.local.input.catalogue import item_placement
from cdimf_spark.local.input.domain_data import DomainData, index_pairs
from cdimf_spark.local.input.pairs import Data, read_pairs
from cdimf_spark.local.model import LocalCDIMFModel
from cdimf_spark.local.progress import Hook, Watch
from cdimf_spark.local.scoring_data import Training
from cdimf_spark.progress import showing
from cdimf_spark.serving.serving_model import ServingModel
from cdimf_spark.solver.earlier import EarlierRows, KeyedRows, check_earlier
from cdimf_spark.solver.local import LocalDomain, train_local


class LocalCDIMF:
    """Cross-domain implicit matrix factorization on one machine.

    The same method, options and numbers (to float32 rounding) as `CDIMF` on Spark, for data that
    fit into memory.

    Parameters
    ----------
    **options
        Options of `ModelConfig`: rank, max_iter, reg_param, rho, seed, ... Those about the storage
        of a training on Spark have no effect.

    Raises
    ------
    ConfigurationError
        If an option is unknown or out of range.

    Examples
    --------
    >>> cdimf = LocalCDIMF(rank=64, max_iter=10)
    >>> model = cdimf.fit({"sport": sport, "cloth": cloth})  # user_id, item_id[, weight]
    >>> model.evaluate({"sport": sport_test, "cloth": cloth_test})
    >>> model.recommend("sport", users=["anna", "boris"], k=5)
    >>> model.save("models/shops")  # LocalCDIMFModel.open, ServingModel.open
    """

    def __init__(self, **options: Any) -> None:
        check_names(options, [field.name for field in fields(ModelConfig)], "LocalCDIMF()")
        self.config = ModelConfig(**options)

    def fit(
        self,
        interactions: Mapping[str, Data] | Data,
        domain_options: Mapping[str, Mapping[str, Any]] | None = None,
        warm_start: LocalCDIMFModel | str | Path | None = None,
        on_iteration: Hook | None = None,
        verbose: bool = True,
    ) -> LocalCDIMFModel:
        """Train.

        Parameters
        ----------
        interactions
            A table a domain, by the domain's name; or one with a column `domain`. A table is a
            pandas DataFrame, an Arrow table (or what offers one), or a tuple ``(user_ids,
            item_ids, matrix)`` with a scipy matrix (n_users, n_items) of weights. Columns
            user_id, item_id and, if wanted, weight (default 1). Ids may be strings or integers; a
            user has the same id in every domain.
        domain_options
            Options of single domains: ``{"sport": {"reg_param": 3.0}}``.
        warm_start
            An earlier model, or the folder of a saved or exported one: start from its users, where
            it has them, which takes fewer iterations.
        on_iteration
            Called after each iteration with its row of `history`.
        verbose
            Show the log lines of the package where logging is not configured, and a progress bar
            on a terminal and in a notebook. False: neither.

        Raises
        ------
        ConfigurationError
            If an option of a domain is unknown or out of range, or the earlier model does not fit.
        DataError
            If the data cannot be used.
        NumericalError
            If the loss is no longer finite, or explodes.
        """
        tables = by_domain(interactions, "fit() wants")
        configs = _domain_configs(list(tables), domain_options or {})
        earlier = _earlier_rows(warm_start, self.config, list(tables))
        data = {
            name: index_pairs(
                read_pairs(table, name, IN_MEMORY, configs[name].columns), self.config.duplicates
            )
            for name, table in tables.items()
        }
        domains = {name: _local_domain(data[name], configs[name]) for name in data}
        watch = Watch(self.config, on_iteration)
        with showing(verbose, self.config.max_iter, "iteration"):
            trained = train_local(domains, self.config, earlier, watch)
        training = Training(
            self.config,
            {name: one.cells for name, one in data.items()},
            item_placement(data, self.config),
            watch.history,
        )
        return LocalCDIMFModel(serve(trained, data, self.config), training)


def _domain_configs(
    names: list[str], options: Mapping[str, Mapping[str, Any]]
) -> dict[str, DomainConfig]:
    if not names:
        raise DataError("there are no interactions: give a table for at least one domain")
    check_domain_names(names)
    configs = given_domains(DomainConfig, dict.fromkeys(names), options)
    return {config.name: config for config in configs}


def _local_domain(data: DomainData, config: DomainConfig) -> LocalDomain:
    return LocalDomain(data.users.ids, data.items.ids, data.cells, config)


def _earlier_rows(
    model: LocalCDIMFModel | str | Path | None, config: ModelConfig, names: list[str]
) -> EarlierRows | None:
    """User rows of an earlier model, checked."""
    if model is None:
        return None
    served = model.serving if isinstance(model, LocalCDIMFModel) else ServingModel.open(model)
    check_earlier("warm_start", served.rank, served.domains, config, names)
    tables = {name: served.domain(name) for name in served.domains}
    rows = {name: KeyedRows(one.users.keys, one.users.factors) for name, one in tables.items()}
    return EarlierRows(rows, frozenset(n for n, one in tables.items() if one.manifest.coupled))
