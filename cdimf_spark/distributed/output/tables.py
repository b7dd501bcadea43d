"""The Delta tables of one output folder: the only place that reads and writes them."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.session import NO_DELTA
from cdimf_spark.errors import ConfigurationError, DataError, OutputInUseError

logger = logging.getLogger(__name__)

PUBLISHED = ("user_factors", "item_factors", "shared_factors", "history")
WORKING = ("blocks", "exchange", "consensus", "state")
# The published factors once more, packed: what evaluation and recommendation read.
PACKED_FACTORS = "factors"
RUNS = "runs"
# Of a party in a federation: what left it, and what it read.
AUDIT_LOG = "audit_log"
# Of one that finds shared users by an intersection: its secret scalar.
BLINDING = "blinding"
TABLES = (*PUBLISHED, *WORKING, PACKED_FACTORS, RUNS, AUDIT_LOG, BLINDING)


def _let_pass() -> None:
    """The guard of tables that nobody has to hold."""


@dataclass(frozen=True)
class OutputTables:
    """Tables of a training by name.

    Attributes
    ----------
    spark
        The session.
    root
        Folder of the output, any path that Spark can write.
    guard
        Called before anything that others see is replaced, deleted or marked: raises if the
        folder is held by somebody else (`training.holding`).
    """

    spark: SparkSession
    root: str
    guard: Callable[[], None] = _let_pass

    def path(self, name: str) -> str:
        """Path of a table."""
        return f"{self.root.rstrip('/')}/{name}"

    def find(self, name: str) -> DataFrame | None:
        """Newest version of a table, or None if it is not there."""
        try:
            table = self.spark.read.format("delta").load(self.path(name))
            # Over Spark Connect `load` asks nothing yet: what is missing shows when it is analysed.
            _ = table.schema
            return table
        except Exception as error:
            if is_missing(error):
                return None
            # Comes as an error of the bridge to Java, which has no condition of its own.
            if "DATA_SOURCE_NOT_FOUND" in str(error):
                raise ConfigurationError(NO_DELTA) from error
            raise

    def read(self, name: str) -> DataFrame:
        """Newest version of a table.

        Raises
        ------
        DataError
            If it is not there.
        """
        table = self.find(name)
        if table is None:
            raise DataError(
                f"no table {name!r} in {self.root}: is it the output folder of a finished training?"
            )
        return table

    def location(self) -> str:
        """The root as Spark's file system names it: with its scheme, and absolute.

        Nothing in Spark's public interface tells it, but the error about a path that is not there.
        """
        try:
            # As in `find`: the schema makes Spark Connect look.
            _ = self.spark.read.format("text").load(self.path(uuid.uuid4().hex)).schema
        except AnalysisException as error:
            found = error.getMessageParameters() or {}
            if not is_missing(error) or "path" not in found:
                raise
            return found["path"].rpartition("/")[0]
        raise AssertionError("a random name exists")

    def append(
        self,
        frame: DataFrame,
        name: str,
        partition_by: Sequence[str] = (),
        transaction: tuple[str, int] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Append rows in one commit.

        Parameters
        ----------
        transaction
            A name and a number: the commit is left out, or fails, if one of this name and this
            number or a higher one is there. It costs 0.2 s, and working tables do without: who
            repeats an iteration after a crash writes it under another claim.
        properties
            Of the table, should this make it.
        """
        writer = frame.write.format("delta").mode("append").partitionBy(*partition_by)
        # Factors are noise to a compressor.
        writer = writer.option("compression", "none")
        if properties:
            writer = writer.options(**properties)
        if transaction is not None:
            writer = writer.option("txnAppId", transaction[0])
            writer = writer.option("txnVersion", transaction[1])
        with self._commit(name):
            writer.save(self.path(name))

    def overwrite(
        self,
        frame: DataFrame,
        name: str,
        partition_by: Sequence[str] = (),
        condition: str | None = None,
    ) -> None:
        """Replace the whole table in one commit, or its rows that fulfil a condition."""
        self.guard()
        writer = frame.write.format("delta").mode("overwrite").partitionBy(*partition_by)
        writer = writer.option("compression", "none")
        if condition is None:
            writer = writer.option("overwriteSchema", "true")
        else:
            writer = writer.option("partitionOverwriteMode", "static")
            writer = writer.option("replaceWhere", condition)
        with self._commit(name):
            writer.save(self.path(name))

    def delete(self, name: str, condition: str) -> None:
        """Delete the rows that fulfil a condition on partition columns (no file is rewritten).

        They are replaced by no rows: unlike an SQL statement, a writer also takes relative paths.
        """
        self.guard()
        table = self.find(name)
        if table is not None:
            nothing = table.where(F.lit(False))
            writer = nothing.write.format("delta").mode("overwrite")
            # A session may have `dynamic` as its default, which excludes replaceWhere.
            writer = writer.option("partitionOverwriteMode", "static")
            with self._commit(name):
                writer.option("replaceWhere", condition).save(self.path(name))

    def vacuum(self, name: str) -> None:
        """Remove the files of deleted rows, as far as the table's own properties allow it.

        Nothing depends on it but the use of the disk: where it cannot be done, a warning says so.
        """
        if self.find(name) is None:
            return
        path = f"{self.location()}/{name}".replace("`", "``")
        try:
            self.spark.sql(f"VACUUM delta.`{path}`").collect()
        except Exception as error:
            reason = (str(error).strip().splitlines() or ["no message"])[0]
            logger.warning("old files of table %s stay: VACUUM failed: %s", name, reason)

    @contextmanager
    def _commit(self, name: str) -> Iterator[None]:
        """Turn Delta's errors about somebody else's commits into one of the package.

        Raises
        ------
        OutputInUseError
            If another writer changed the table in the meantime.
        """
        try:
            yield
        except Exception as error:
            if _CONCURRENT.search(str(error)):
                raise OutputInUseError(
                    f"another run writes to {self.root!r} (table {name!r}) at the same time: let "
                    "it finish, or give each training an output folder of its own"
                ) from error
            raise


# All that Delta says of somebody else's commits; in Python some come without their Java class.
_CONCURRENT = re.compile(r"io\.delta\.exceptions\.(Concurrent\w+|\w+Changed)Exception")


def is_missing(error: Exception) -> bool:
    """Tell whether Spark says that a path or table is not there."""
    missing = ("PATH_NOT_FOUND", "DELTA_TABLE_NOT_FOUND", "DELTA_PATH_DOES_NOT_EXIST")
    condition = error.getCondition() if isinstance(error, AnalysisException) else None
    return any(word in (condition or "") for word in missing)
