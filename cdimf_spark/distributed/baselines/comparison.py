"""A model beside its baselines, on the same test rows: where sharing helps, and where it hurts.

All of them rank the same rows among the same items, so that they are compared user by user: the
interval of a mean difference is much narrower than those of the two means.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cdimf_spark.configuration.options import split_names
from cdimf_spark.distributed.baselines.baselines import popularity, separate_als
from cdimf_spark.distributed.baselines.mllib import mllib_als
from cdimf_spark.distributed.baselines.pooled import pooled_als
from cdimf_spark.distributed.evaluation.checked_tests import (
    CheckedTests,
    check_tests,
    most_test_items,
)
from cdimf_spark.distributed.evaluation.evaluate import rank_and_sum
from cdimf_spark.distributed.input.given import Domains
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.errors import UnknownKeyError, ValueOutOfRangeError
from cdimf_spark.evaluation.draws import choose_draws
from cdimf_spark.evaluation.evaluation_summary import Found, summarize
from cdimf_spark.evaluation.measures_summary import Measured, summarize_measures
from cdimf_spark.evaluation.protocol import Protocol
from cdimf_spark.evaluation.result import measures_of
from cdimf_spark.progress import stage, step

logger = logging.getLogger(__name__)

MODEL = "cdimf"
BASELINES: Mapping[str, Callable[[PublishedModel], ScoringTables]] = {
    "popularity": popularity,
    "separate": separate_als,
    "pooled": pooled_als,
    "mllib": mllib_als,
}
# MLlib takes minutes where the others take seconds.
USUAL_BASELINES = tuple(name for name in BASELINES if name != "mllib")


def compare(
    model: PublishedModel,
    tests: Domains | CheckedTests,
    protocol: Protocol,
    baselines: Sequence[str],
) -> dict[str, Any]:
    """Measure a model and baselines on the same test rows.

    Parameters
    ----------
    tests
        As `Scorer.evaluate`.
    protocol
        How the rows are ranked and measured.
    baselines
        Some of `BASELINES`.

    Returns
    -------
    dict
        ``{"k", "negatives", "seed", "domains": {name: found}}``, ready for JSON; `found` has the
        counts of test rows (n_test, n_skipped and the like) and `negatives`, as `evaluate`,
        `models` (name: measures, as `evaluate`; the model's name is cdimf) and `differences`
        (baseline: the measures of the model less those of the baseline, means over users of their
        differences).

    Raises
    ------
    ConfigurationError
        If a domain or a baseline is unknown, or k or negatives is out of range.
    DataError
        As `evaluate`.
    """
    names = check_baselines(baselines)
    if isinstance(tests, Mapping):
        model.tables.check_domains(tests)
    checked = tests if isinstance(tests, CheckedTests) else check_tests(tests, model.spark)
    protocol.check(model.tables, checked.n_tests)
    count_most = partial(most_test_items, checked.rows)
    draws = choose_draws(model.tables, checked.n_tests, protocol.negatives, count_most)
    scorers: dict[str, ScoringTables] = {MODEL: model.tables}
    for number, name in enumerate(names):
        step(number)
        stage(name)
        logger.info("making the baseline %s", name)
        scorers[name] = BASELINES[name](model)
    step(len(names))
    stage("ranking")
    logger.info("ranking the test rows with the model and its baselines")
    found, measured = rank_and_sum(
        list(scorers.values()), checked.rows, checked.n_tests, protocol, draws
    )
    step(len(names) + 1)
    return {
        "k": protocol.ks[0],
        "negatives": protocol.negatives,
        "seed": protocol.seed,
        "domains": {
            domain: {
                **_compared(found, measured, domain, scorers, protocol),
                "negatives": draws[domain],
            }
            for domain in sorted(checked.n_tests)
        },
    }


def check_baselines(baselines: Sequence[str]) -> tuple[str, ...]:
    """The baselines asked for (names, or a text with commas between them), each once.

    Raises
    ------
    ConfigurationError
        If there is none, or an unknown one.
    """
    names = split_names(baselines) if isinstance(baselines, str) else baselines
    for name in names:
        if name not in BASELINES:
            raise UnknownKeyError(name, BASELINES, "the baselines")
    if not names:
        allowed = f"some of {', '.join(BASELINES)}"
        raise ValueOutOfRangeError("baselines", list(names), allowed)
    return tuple(dict.fromkeys(names))


def _compared(
    found: Sequence[Found],
    measured: Sequence[Measured],
    domain: str,
    scorers: Mapping[str, ScoringTables],
    protocol: Protocol,
) -> dict[str, Any]:
    """What is known of one domain."""
    tables = scorers[MODEL]
    own = [part for part in found if part.model == 0]
    counts = summarize(domain, own, tables.n_items(domain), protocol.ks[0])
    models = {
        name: measures_of(found, measured, domain, number, tables, protocol)
        for number, name in enumerate(scorers)
    }
    differences = {
        name: summarize_measures(
            measured, domain, len(scorers) - 1 + number, protocol.ks, protocol.by
        )
        for number, name in enumerate(scorers)
        if number
    }
    kept = ("n_test", "n_skipped", "unknown_user", "unknown_item", "n_in_train", "n_items")
    return {
        **{name: counts[name] for name in (*kept, "sources")},
        "models": models,
        "differences": differences,
    }
