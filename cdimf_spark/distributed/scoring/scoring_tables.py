"""What scoring needs of a model: factor tables, and the items that its users have seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.errors import ConfigurationError, did_you_mean
from cdimf_spark.schemas import DOMAIN, FACTORS, USER_ID

# Where a user's row comes from, best first: his rows in the domain itself, the consensus of the
# domains, the mean of his rows in the other domains.
SOURCES = ("own", "shared", "foreign")


@dataclass(frozen=True)
class SeenItems:
    """Interactions of the training, packed.

    Attributes
    ----------
    blocks
        Packed rows of the user blocks of all domains, of the kinds in `KINDS` at least.
    side
        Where those blocks lie.
    """

    blocks: DataFrame
    side: Side

    KINDS = ("keys", "columns", "indptr", "indices")


@dataclass(frozen=True)
class ScoringTables:
    """Factor tables of any origin, for recommendation and evaluation.

    Attributes
    ----------
    users, items
        ``user_factors`` and ``item_factors``.
    shared
        ``shared_factors``, or None.
    seen
        Items that are never recommended.
    domains
        Names of all domains, sorted.
    aligned
        Domains whose factors live in one space: users of one can be scored in another. A domain
        that was trained with rho = 0 has a space of its own.
    rank
        Length of a factor row.
    """

    users: DataFrame
    items: DataFrame
    shared: DataFrame | None
    seen: SeenItems
    domains: tuple[str, ...]
    aligned: frozenset[str]
    rank: int

    def check_domains(self, names: Iterable[str]) -> None:
        """Raise ConfigurationError for a domain that the model does not have."""
        for name in names:
            if name not in self.domains:
                raise ConfigurationError(
                    f"the model has no domain {name!r}{did_you_mean(name, self.domains)} "
                    f"Its domains: {', '.join(self.domains)}"
                )

    def candidates(self, requests: DataFrame) -> DataFrame:
        """Rows that can score the requested users.

        Parameters
        ----------
        requests
            Distinct (domain, user_id).

        Returns
        -------
        DataFrame
            domain, user_id, priority (index in `SOURCES`), source_domain, factors; a user whom
            nothing is known about has no row.
        """
        # Hash the requests, which are narrow: a merge join would sort all factor rows.
        found = requests.hint("shuffle_hash").join(self._pool(), USER_ID, "inner")
        own = F.col("source_domain") == F.col(DOMAIN)
        aligned = list(self.aligned)
        usable = F.col("source_domain").isin("", *aligned) & F.col(DOMAIN).isin(aligned)
        priority = F.when(own, 0).when(F.col("source_domain") == "", 1).otherwise(2)
        return found.where(own | usable).select(
            DOMAIN, USER_ID, priority.alias("priority"), "source_domain", FACTORS
        )

    def own_rows(self, domain: str) -> DataFrame:
        """The same for all users of one domain, without a join."""
        return self.users.where(F.col(DOMAIN) == domain).select(
            DOMAIN,
            USER_ID,
            F.lit(0).alias("priority"),
            F.col(DOMAIN).alias("source_domain"),
            FACTORS,
        )

    def _pool(self) -> DataFrame:
        """All user rows with the domain that they come from, '' for the shared ones."""
        own = self.users.select(USER_ID, F.col(DOMAIN).alias("source_domain"), FACTORS)
        if self.shared is None:
            return own
        return own.unionByName(
            self.shared.select(USER_ID, F.lit("").alias("source_domain"), FACTORS)
        )


def restrict(frame: DataFrame, domains: Sequence[str]) -> DataFrame:
    """Rows of some domains."""
    return frame.where(F.col(DOMAIN).isin(list(domains)))
