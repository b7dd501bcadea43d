"""The working state of a run as Delta tables: what an iteration leaves for the next one.

`exchange` holds X + U of shared users with their keys: all that another domain ever reads.
`consensus` holds z, a slice for each domain of the users it shares. `state` holds x of each
domain's other users (and of all users where the items are updated from x). The dual variable is
not stored, u = (X + U) - z, nor are the item factors, which follow exactly from z and x.
`factors` is for scoring: the packed factors of the last publication.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.tables import PACKED_FACTORS, WORKING, OutputTables
from cdimf_spark.distributed.training.commits import Commit, Commits
from cdimf_spark.distributed.training.iteration import EXCHANGE_KINDS, UserState, only
from cdimf_spark.schemas import BLOCK_COLUMNS

_PARTITIONS = ("run_id", "iteration", "domain")


@dataclass(frozen=True)
class WorkingTables:
    """Working tables of one run.

    Attributes
    ----------
    coupled
        Whether any user is shared.
    own
        Whether any user is not.
    """

    tables: OutputTables
    run_id: str
    coupled: bool = True
    own: bool = True

    def write_blocks(self, blocks: DataFrame) -> None:
        """Write the static blocks."""
        frame = blocks.withColumn("run_id", F.lit(self.run_id))
        self.tables.append(frame, "blocks", ("run_id", "side", "domain"))

    def read_blocks(self) -> DataFrame:
        """Static blocks: ``BLOCK_ROW`` and `side`."""
        return self.tables.read("blocks").where(f"run_id = '{self.run_id}'").drop("run_id")

    def write_factors(self, factors: DataFrame) -> None:
        """Replace the packed factors, of users and items in one commit."""
        frame = factors.selectExpr(f"'{self.run_id}' AS run_id", "side", *BLOCK_COLUMNS)
        self.tables.overwrite(frame, PACKED_FACTORS, ("run_id", "side", "domain"))

    def read_factors(self) -> DataFrame:
        """Packed factors: ``BLOCK_ROW`` and `side`."""
        rows = self.tables.read(PACKED_FACTORS)
        return rows.where(f"run_id = '{self.run_id}'").drop("run_id")

    def write(self, table: str, rows: DataFrame, iteration: int) -> None:
        """Write packed rows of an iteration to a working table."""
        marks = (f"'{self.run_id}' AS run_id", f"{iteration} AS iteration")
        self.tables.append(rows.selectExpr(*marks, *BLOCK_COLUMNS), table, _PARTITIONS)

    def read(self, table: str, iteration: int) -> DataFrame:
        """Packed rows of an iteration."""
        rows = self.tables.read(table)
        mine = rows.where(f"run_id = '{self.run_id}' AND iteration = {iteration}")
        return mine.select(*BLOCK_COLUMNS)

    def state_kinds(self, use_z: bool) -> tuple[str, ...]:
        """Kinds of rows that `state` must hold after an iteration."""
        shared = () if use_z or not self.coupled else ("x_shared",)
        return (("x_own",) if self.own else ()) + shared

    def read_state(self, iteration: int, aggregated: int, use_z: bool) -> UserState:
        """State after an iteration.

        Parameters
        ----------
        aggregated
            The last iteration, up to `iteration`, that ended with a consensus.
        use_z
            See `UserState`.
        """
        exchange = z = None
        if self.coupled:
            exchange = only(self.read("exchange", aggregated), *EXCHANGE_KINDS)
            z = self.read("consensus", aggregated)
        return UserState(
            exchange=exchange,
            z=z,
            x=self.read("state", iteration) if self.state_kinds(use_z) else None,
            use_z=use_z,
        )

    def forgetting(self, first_kept: int) -> list[Commit]:
        """Commits that delete the rows of this run's iterations before one.

        The files go with the next VACUUM.
        """
        mine = f"run_id = '{self.run_id}' AND iteration < {first_kept}"
        return [partial(self.tables.delete, table, mine) for table in WORKING[1:]]

    def forget_other_runs(self) -> None:
        """Delete what earlier runs left."""
        others = f"run_id <> '{self.run_id}'"
        with Commits() as commits:
            commits.add([partial(self.tables.delete, table, others) for table in WORKING])

    def forget_after(self, iteration: int) -> None:
        """Delete what a crash left of later iterations, so that they can be repeated."""
        later = f"run_id = '{self.run_id}' AND iteration > {iteration}"
        with Commits() as commits:
            commits.add([partial(self.tables.delete, table, later) for table in WORKING[1:]])
