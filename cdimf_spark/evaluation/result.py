"""The result of an evaluation, from the counts and sums of its test rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdimf_spark.evaluation.draws import Draws
from cdimf_spark.evaluation.evaluation_summary import Found, coverage, summarize
from cdimf_spark.evaluation.measures_summary import Measured, summarize_measures
from cdimf_spark.evaluation.protocol import Catalogues, Protocol


def evaluation_result(
    found: Sequence[Found],
    measured: Sequence[Measured],
    catalogues: Catalogues,
    draws: Draws,
    protocol: Protocol,
) -> dict[str, Any]:
    """Metrics and measures of each domain of `draws`.

    Returns
    -------
    dict
        ``{"k", "negatives", "seed", "domains": {name: metrics}, "measures": {name: measures}}``,
        ready for JSON. Metrics are hr, ndcg, mrr, coverage; `negatives` of a domain is what its
        rows were ranked among (a number, or "all"); n_test counts the ranked rows,
        n_skipped the others, by reason in unknown_user and unknown_item; n_in_train the ranked
        rows whose item the user has in train (ranked last); sources the ranked rows by the origin
        of the user's row. Measures are means over users with their intervals, at each k and by
        group: see `measures_summary.summarize_measures`; `coverage` at each k is added.

    Raises
    ------
    DataError
        If no row of a domain can be ranked.
    """
    names, main = sorted(draws), protocol.ks[0]
    return {
        "k": main,
        "negatives": protocol.negatives,
        "seed": protocol.seed,
        "domains": {
            name: {
                **summarize(name, found, catalogues.n_items(name), main),
                "negatives": draws[name],
            }
            for name in names
        },
        "measures": {
            name: measures_of(found, measured, name, 0, catalogues, protocol) for name in names
        },
    }


def measures_of(
    found: Sequence[Found],
    measured: Sequence[Measured],
    domain: str,
    model: int,
    catalogues: Catalogues,
    protocol: Protocol,
) -> dict[str, Any]:
    """Measures of a domain and model, with the coverage at each k."""
    measures = summarize_measures(measured, domain, model, protocol.ks, protocol.by)
    mine = [part for part in found if (part.domain, part.model) == (domain, model)]
    for k in protocol.ks:
        measures["at"][str(k)]["coverage"] = coverage(mine, catalogues.n_items(domain), k)
    return measures
