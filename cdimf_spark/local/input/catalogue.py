"""The order of a domain's items in which an evaluation draws: that of the model on Spark.

There items are numbered block after block and by ascending key within each. How many blocks they
are in is a function of the data and the options alone, so one machine numbers them alike; but for
the heavy keys that Spark places by name in trainings of more than two blocks and a million
interactions: there the draws differ.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.configuration.sizing import num_blocks
from cdimf_spark.local.input.domain_data import DomainData
from cdimf_spark.solver.placement import Placement

Indexes = NDArray[np.int64]


def item_placement(data: Mapping[str, DomainData], model: ModelConfig) -> Placement:
    """Blocks of the items, as the training on Spark would cut them."""
    n_rows = [domain.n_rows for domain in data.values()]
    blocks = num_blocks(sum(n_rows), max(n_rows), model.num_blocks, model.num_item_blocks)
    return Placement(blocks.items)


def catalogue_order(keys: Indexes, placement: Placement) -> Indexes:
    """Positions of the items, given by ascending key, in the order of their numbers."""
    order: Indexes = np.argsort(placement.block_of(keys), kind="stable")
    return order
