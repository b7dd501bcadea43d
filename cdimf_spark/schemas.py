"""Column names and table schemas (DDL), in one place."""

from __future__ import annotations

DOMAIN = "domain"
USER_ID = "user_id"
ITEM_ID = "item_id"
WEIGHT = "weight"
FACTORS = "factors"

# Packed rows: one array, or a part of it, as bytes. Everything that the training loop moves has
# this schema: static blocks, messages between blocks, factors, Gram matrices, sums.
#   pkey   what the row is grouped by; chosen so that Spark puts block b into partition b
#   part   order of the parts of one array; for messages it starts with the source block
BLOCK_ROW = "pkey int, domain string, block int, kind string, part int, payload binary"
BLOCK_COLUMNS = tuple(column.split()[0] for column in BLOCK_ROW.split(", "))

# What scoring returns. Ranks: a test row with its rank; or (state null) which of 32768 items in a
# row are in some list of k.
RANKS = (
    "domain string, user_key long, source string, state int, in_train boolean, rank double, "
    "history long, popularity long, shared boolean, k int, bucket int, bitmap binary"
)
RECOMMENDATIONS = "user_id string, rank int, item_id string, score float, source string"
EXPLANATIONS = (
    "user_id string, item_id string, score double, own double, consensus double, prior double, "
    "remainder double, pull string, contributions "
    "array<struct<item_id: string, weight: float, contribution: double>>"
)

# Published tables.
USER_FACTORS = "domain string, user_id string, factors array<float>"
ITEM_FACTORS = "domain string, item_id string, factors array<float>"
SHARED_FACTORS = "user_id string, factors array<float>"
_LOSSES = (
    "loss double, observed_loss double, unobserved_loss double, regularization_loss double, "
    "coupling_loss double, explained double"
)
HISTORY = (
    f"iteration int, seconds double, {_LOSSES}, primal_residual double, dual_residual double, "
    f"shared_norm double, domains array<struct<domain: string, "
    + ", ".join(f"{c.split()[0]}: double" for c in _LOSSES.split(", "))
    + ">>"
)
