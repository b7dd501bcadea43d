"""The working state of a run as Delta tables: what an iteration leaves for the next one.

Rows of an iteration are marked with the run and the claim that wrote them ("RUN.CLAIM"): what a
training that was overtaken writes too late is never read.

`exchange` holds X + U of shared users with their keys: all that another domain ever reads.
`consensus` holds z, a slice for each domain of the users it shares. `state` holds x of each
domain's other users (and of all users where the items are updated from x). The dual variable is
not stored, u = (X + U) - z, nor are the item factors, which follow exactly from z and x.
`factors` is for scoring: the packed factors of the last publication.

A party of a federation has all rows of an iteration in `state`, in one commit: what others read of
it is elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.output.commits import Commit, Commits
from cdimf_spark.distributed.output.tables import PACKED_FACTORS, WORKING, OutputTables
from cdimf_spark.distributed.training.steps.iteration import EXCHANGE_KINDS, UserState, only, union
from cdimf_spark.schemas import BLOCK_COLUMNS

_PARTITIONS = ("run_id", "iteration", "domain")
_KINDS = {"exchange": EXCHANGE_KINDS, "consensus": ("z",), "state": ("x_own", "x_shared")}
# What is deleted may go at once: only the training itself reads these tables, always their newest
# version, and it vacuums while it writes to none of them.
_SHORT_LIVED = {
    "delta.deletedFileRetentionDuration": "interval 0 hours",
    "delta.logRetentionDuration": "interval 1 days",
}


@dataclass(frozen=True)
class WorkingTables:
    """Working tables of one run.

    Attributes
    ----------
    coupled
        Whether any user is shared.
    own
        Whether any user is not.
    claim
        Claim of this process (`holder.Hold`).
    in_one
        Whether `state` has the rows of `exchange` and `consensus` too.
    """

    tables: OutputTables
    run_id: str
    coupled: bool = True
    own: bool = True
    claim: int = 0
    in_one: bool = False

    def write_blocks(self, blocks: DataFrame) -> None:
        """Write the static blocks."""
        frame = blocks.withColumn("run_id", F.lit(self.run_id))
        self.tables.append(frame, "blocks", ("run_id", "side", "domain"))

    def read_blocks(self) -> DataFrame:
        """Static blocks: ``BLOCK_ROW`` and `side`."""
        return self.tables.read("blocks").where(f"run_id = '{self.run_id}'").drop("run_id")

    def write_factors(self, factors: DataFrame) -> None:
        """Replace the run's packed factors, of users and items in one commit.

        Those of an earlier run stay: until this one is published, they are the model.
        """
        frame = factors.selectExpr(f"'{self.run_id}' AS run_id", "side", *BLOCK_COLUMNS)
        partitions = ("run_id", "side", "domain")
        mine = None if self.tables.find(PACKED_FACTORS) is None else f"run_id = '{self.run_id}'"
        self.tables.overwrite(frame, PACKED_FACTORS, partitions, mine)

    def read_factors(self) -> DataFrame:
        """Packed factors: ``BLOCK_ROW`` and `side`."""
        rows = self.tables.read(PACKED_FACTORS)
        return rows.where(f"run_id = '{self.run_id}'").drop("run_id")

    def commits(self, rows: Mapping[str, DataFrame | None], iteration: int) -> list[Commit]:
        """The commits of an iteration's rows, given by table."""
        there = {table: frame for table, frame in rows.items() if frame is not None}
        if self.in_one and there:
            there = {"state": union(*there.values())}
        return [partial(self.write, table, frame, iteration) for table, frame in there.items()]

    def write(self, table: str, rows: DataFrame, iteration: int) -> None:
        """Write packed rows of an iteration to a working table."""
        marks = (f"'{self._writer(self.claim)}' AS run_id", f"{iteration} AS iteration")
        frame = rows.selectExpr(*marks, *BLOCK_COLUMNS)
        self.tables.append(frame, table, _PARTITIONS, properties=_SHORT_LIVED)

    def read(self, table: str, iteration: int, claim: int) -> DataFrame:
        """Packed rows of an iteration that belong to a table, as a claim wrote them."""
        rows = self.tables.read("state" if self.in_one else table)
        mine = rows.where(f"run_id = '{self._writer(claim)}' AND iteration = {iteration}")
        return only(mine, *_KINDS[table]).select(*BLOCK_COLUMNS)

    def _writer(self, claim: int) -> str:
        return f"{self.run_id}.{claim}"

    def _is_mine(self) -> str:
        return f"run_id LIKE '{self.run_id}.%'"

    def state_kinds(self, use_z: bool) -> tuple[str, ...]:
        """Kinds of rows that `state` must hold after an iteration."""
        shared = () if use_z or not self.coupled else ("x_shared",)
        return (("x_own",) if self.own else ()) + shared

    def read_state(
        self, iteration: int, aggregated: int, use_z: bool, writers: Sequence[int]
    ) -> UserState:
        """State after an iteration.

        Parameters
        ----------
        aggregated
            The last iteration, up to `iteration`, that ended with a consensus.
        use_z
            See `UserState`.
        writers
            The claim that wrote each iteration.
        """
        exchange = z = None
        if self.coupled:
            claim = writers[aggregated - 1]
            exchange = self.read("exchange", aggregated, claim)
            z = self.read("consensus", aggregated, claim)
        claim = writers[iteration - 1]
        return UserState(
            exchange=exchange,
            z=z,
            x=self.read("state", iteration, claim) if self.state_kinds(use_z) else None,
            use_z=use_z,
        )

    def forget(self, first_kept: int, other_runs: bool = False, free_disk: bool = False) -> None:
        """Delete the rows of this run's iterations before one.

        Parameters
        ----------
        other_runs
            Also delete all that earlier runs left: this one is published.
        free_disk
            Also remove the files of deleted rows: nobody may be writing to the tables meanwhile.
        """
        condition = f"{self._is_mine()} AND iteration < {first_kept}"
        if other_runs:
            condition = f"NOT ({self._is_mine()} AND iteration >= {first_kept})"
        deletions = [partial(self._forget, table, condition, free_disk) for table in WORKING[1:]]
        if other_runs:
            others = f"run_id <> '{self.run_id}'"
            deletions += [
                partial(self._forget, table, others, False) for table in ("blocks", PACKED_FACTORS)
            ]
        with Commits() as commits:
            commits.add(deletions)

    def _forget(self, table: str, condition: str, free_disk: bool) -> None:
        self.tables.delete(table, condition)
        if free_disk:
            self.tables.vacuum(table)

    def forget_after(self, iteration: int) -> None:
        """Delete what a crash left of later iterations: nobody would read it."""
        later = f"{self._is_mine()} AND iteration > {iteration}"
        with Commits() as commits:
            commits.add([partial(self.tables.delete, table, later) for table in WORKING[1:]])
