"""The demonstration: train on the embedded data, compare, recommend, say what to try next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.demonstration_data import DemonstrationSet, demonstration_split
from cdimf_spark.distributed.estimator import CDIMF
from cdimf_spark.distributed.evaluation.checked_tests import check_tests
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.output.runs import has_log, last_run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.scorer import Scorer
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.reports.text_tables import metrics_table, text_table, training_summary
from cdimf_spark.schemas import ITEM_ID, USER_ID
from cdimf_spark.wording import counted

logger = logging.getLogger(__name__)

# Enough for the small set; a name in --set goes before it.
_OPTIONS = {"rank": "32", "max_iter": "6"}
_K = 10
_SHOWN_ITEMS = 3


def demonstrate(spark: SparkSession, config: TrainConfig, resume: bool = False) -> str:
    """Train on the demonstration data and evaluate next to two baselines.

    Parameters
    ----------
    config
        Options and the output folder; its domains are not used.
    resume
        Go on with a stopped demonstration in the output folder.

    Returns
    -------
    str
        The text to print.

    Raises
    ------
    ConfigurationError
        If the output folder has a model of other data.
    """
    data = demonstration_split()
    _check_folder(OutputTables(spark, config.output), data)
    train, test = to_frames(spark, data.train), to_frames(spark, data.test)
    logger.info("demonstration data: %s", _describe(data))
    model = CDIMF.from_config(config).fit(train, resume=resume)
    return _summary(model, data, _compare(model, test))


def _check_folder(tables: OutputTables, data: DemonstrationSet) -> None:
    """Refuse to replace a model of other data: who forgot to name theirs wants no demonstration."""
    run = last_run(tables) if has_log(tables) else None
    rows = {name: len(frame) for name, frame in data.train.items()}
    if run is None or rows == {name: one[0] for name, one in run.details["data"].items()}:
        return
    names = ", ".join(run.details["data"])
    raise ConfigurationError(
        f"output {tables.root!r} has a model of other data (domains {names}), which the "
        "demonstration would replace. Name the data to train on with --domain NAME=PATH or "
        "--config FILE; for the demonstration, name another folder with --output"
    )


def _compare(model: CDIMFModel, test: Mapping[str, DataFrame]) -> dict[str, dict[str, Any]]:
    """Results of the model and of two baselines, by name.

    Each is a row of short jobs, most of whose time is planning: three at once take little longer
    than one.
    """
    logger.info("evaluating CDIMF, separate ALS for each domain, and popularity")
    scorers: dict[str, Callable[[], Scorer]] = {
        "CDIMF": lambda: model,
        "separate ALS": lambda: model.baseline("separate"),
        "popularity": lambda: model.baseline("popularity"),
    }
    tests = check_tests(test, model.user_factors.sparkSession)
    with ThreadPoolExecutor() as pool:
        # Their catalogues have fewer than 999 other items, so all of them are ranked.
        found = pool.map(
            lambda make: make().evaluate(tests, k=_K, negatives="all"), scorers.values()
        )
        return dict(zip(scorers, found, strict=True))


def demonstration_options(assignments: Sequence[str]) -> list[str]:
    """The assignments KEY=VALUE of a command line, and those of the demonstration."""
    given = {assignment.partition("=")[0].strip() for assignment in assignments}
    chosen = [f"{name}={value}" for name, value in _OPTIONS.items() if name not in given]
    return [*assignments, *chosen]


def to_frames(spark: SparkSession, frames: Mapping[str, pd.DataFrame]) -> dict[str, DataFrame]:
    """Spark frames of pandas frames, by domain."""
    return {
        domain: spark.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))
        for domain, frame in frames.items()
    }


def sample_users(data: DemonstrationSet, domain: str) -> list[str]:
    """Three users worth a look: one who knows the domain best, one hardly, one not at all."""
    counts = data.train[domain][USER_ID].value_counts()
    elsewhere = pd.concat([f for name, f in data.train.items() if name != domain])[USER_ID]
    histories = elsewhere.value_counts()
    busy = histories.index[histories >= histories.quantile(0.9)]
    visitors = counts[counts == 1].index.intersection(busy).sort_values()
    newcomers = pd.Index(data.test[domain][USER_ID].unique()).difference(counts.index)
    newcomers = newcomers.intersection(busy).sort_values()
    return [str(counts.index[0]), str(visitors[0]), str(newcomers[0])]


def _describe(data: DemonstrationSet) -> str:
    return ", ".join(
        f"{domain} {len(frame)} interactions of {frame[USER_ID].nunique()} users"
        for domain, frame in data.train.items()
    )


def _summary(
    model: CDIMFModel, data: DemonstrationSet, results: Mapping[str, Mapping[str, Any]]
) -> str:
    domain = next(iter(data.train))
    return "\n".join(
        (
            "",
            "Three shops share users, not items. " + _describe(data) + ".",
            "",
            trained_text(model),
            "",
            "Held-out items among all items of the shop:",
            metrics_table(results, _K),
            *_remark(model),
            "",
            f"Recommendations in {domain} (in brackets: the taste of the item)",
            _recommendations(model, data, domain),
            "",
            _NEXT.format(path=model.path),
        )
    )


def _remark(model: CDIMFModel) -> tuple[str, ...]:
    """Why CDIMF may lose here."""
    n, usual = len(model.history["iterations"]), int(_OPTIONS["max_iter"])
    done = f"{counted(n, 'iteration')} of the usual {usual}"
    return () if n >= usual else (f"({done}: the shops do not agree yet, and sharing costs.)",)


def _recommendations(model: CDIMFModel, data: DemonstrationSet, domain: str) -> str:
    users = sample_users(data, domain)
    found = model.recommend(domain, users=users, k=_SHOWN_ITEMS).toPandas()
    return "\n".join(_of_user(user, data, found) for user in users)


def _of_user(user: str, data: DemonstrationSet, found: pd.DataFrame) -> str:
    rows = found[found[USER_ID] == user].sort_values("rank")
    items: Sequence[tuple[str, ...]] = [
        (str(row.item_id), f"{row.score:.2f}", str(row.source)) for row in rows.itertuples()
    ]
    return f"\n{user} has {_history(user, data)}\n" + text_table(
        ("item", "score", "factors from"), items
    )


def _history(user: str, data: DemonstrationSet) -> str:
    """What a user has in each domain: "15 films (9 crime, 4 sport, ...)"."""
    parts = []
    for domain, frame in data.train.items():
        items = frame[ITEM_ID][frame[USER_ID] == user]
        tastes = items.str.extract(r"\(([^)]*)\)$")[0].value_counts()
        shown = ", ".join(f"{count} {taste}" for taste, count in tastes.head(2).items())
        more = ", ..." if len(tastes) > 2 else ""
        noun = domain.removesuffix("s") if len(items) == 1 else domain
        parts.append(f"{len(items)} {noun}" + (f" ({shown}{more})" if len(items) else ""))
    return ", ".join(parts)


def trained_text(model: CDIMFModel) -> str:
    """What a training did, and where its tables are."""
    return (
        f"{training_summary(model.history['iterations'])}\n\nDelta tables in {model.path}: "
        "user_factors, item_factors, shared_factors, history (published);\n"
        "runs, blocks, factors, exchange, consensus, state (working, as far as needed)"
    )


_NEXT = """\
What to try next
  your own data          jobs/train_cdimf.py --domain shop=FILE --domain other=FILE --output DIR
  no sharing             jobs/train_cdimf.py --set rho=0
  a larger model         jobs/train_cdimf.py --set rank=128 --set max_iter=12
  every recommendation   jobs/recommend.py --model {path} --domain books --output FOLDER
  all options            jobs/train_cdimf.py --help
(each after: spark-submit --properties-file conf/local.conf)"""
