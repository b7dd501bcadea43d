"""The scalars of a published model's row equations, from its options and its packed data."""

from __future__ import annotations

from collections.abc import Sequence

from cdimf_spark.distributed.blocks.packing import SIZE_KINDS, block_sizes, rows_of
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.scoring.scoring_tables import restrict
from cdimf_spark.solver.rules import DomainRules, domain_rules


def model_rules(model: PublishedModel, domains: Sequence[str]) -> dict[str, DomainRules]:
    """Row rules of some domains, as the training resolved them."""
    blocks = restrict(model.blocks(), domains, SIZE_KINDS)
    users, items = (rows_of(blocks, side, SIZE_KINDS) for side in ("user", "item"))
    options = {domain.name: domain for domain in model.config.domains}
    return {
        name: domain_rules(model.config.model.for_domain(options[name]), size)
        for name, size in block_sizes(users, items, model.layout).domains.items()
    }
