"""A model as a folder of arrays, written part by part.

Executors sort the rows of a table by key and pack them into bytes; the driver fetches one
partition after another and writes it. So the driver holds one partition, about
`_PARTITION_BYTES`, whatever the size of the model.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.list_columns import read_matrix
from cdimf_spark.distributed.export import export_frames
from cdimf_spark.distributed.fold_in.model_rules import model_rules
from cdimf_spark.distributed.output.guard import check_local_target
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.workers import apply_to_partitions
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind
from cdimf_spark.results.replacing import new_result
from cdimf_spark.schemas import DOMAIN, FACTORS
from cdimf_spark.serving.exported_domain import ITEM_MARK, USER_MARK, domain_folder
from cdimf_spark.serving.manifest import DomainManifest, Manifest
from cdimf_spark.serving.row_files import Rows, RowWriter

logger = logging.getLogger(__name__)

_PARTITION_BYTES = 64 << 20
_PACKED = "keys binary, factors binary, ids binary, id_lengths binary, marks binary"


def export_arrays(
    model: PublishedModel,
    path: str,
    domains: Sequence[str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a model as arrays that `ServingModel.open` maps into memory.

    Parameters
    ----------
    path
        New local folder; it appears when it is complete.
    domains
        The domains to export; None: all. Of the shared users, those that these domains have.
    overwrite
        Replace an earlier export.

    Raises
    ------
    ConfigurationError
        If there is no such domain, or something at the path that must not be replaced.
    """
    chosen = tuple(sorted(set(model.domains if domains is None else domains)))
    model.tables.check_domains(chosen)
    order = Order(Kind.ARRAYS, overwrite=overwrite)
    spark = model.item_factors.sparkSession
    target = check_local_target(spark, path, order, {"the model": model.path})
    rules = model_rules(model, chosen)
    weight = model.config.model.shared_user_weight
    manifest = Manifest(
        model.rank,
        model.run.run_id,
        {name: DomainManifest(rules[name], weight) for name in chosen},
    )
    with new_result(target, path, order) as folder:
        folder.mkdir()
        _write_tables(model, manifest, folder)
        manifest.write(folder)
    return target


def _write_tables(model: PublishedModel, manifest: Manifest, folder: Path) -> None:
    chosen, rank = tuple(manifest.domains), manifest.rank
    for name, frame, mark in (
        ("items", export_frames.item_rows(model), ITEM_MARK),
        ("users", export_frames.user_rows(model), USER_MARK),
        ("exchanged", export_frames.exchanged_rows(model), None),
        ("shared", export_frames.shared_rows(model, chosen), None),
    ):
        sizes = _sizes(frame)
        for domain in ("",) if name == "shared" else chosen:
            at = domain_folder(folder, domain) if domain else folder
            at.mkdir(parents=True, exist_ok=True)
            n_rows, n_id_bytes = sizes.get(domain, (0, 0))
            weight = manifest.domains[domain].shared_user_weight if name == "users" else 1.0
            writer = RowWriter(at, name, n_rows, n_id_bytes, rank, mark, weight)
            _write_rows(frame.where(F.col(DOMAIN) == domain), n_rows, rank, writer)
            logger.info("exported %s of %s: %d rows", name, domain or "all domains", n_rows)


def _sizes(frame: DataFrame) -> dict[str, tuple[int, int]]:
    """Rows and bytes of the ids, by domain."""
    sizes = frame.groupBy(DOMAIN).agg(F.count("id"), F.sum(F.octet_length("id")))
    return {domain: (n_rows, n_bytes) for domain, n_rows, n_bytes in sizes.collect()}


def _write_rows(frame: DataFrame, n_rows: int, rank: int, writer: RowWriter) -> None:
    if n_rows:
        partitions = -(-n_rows * rank * 4 // _PARTITION_BYTES)
        rows = frame.repartitionByRange(partitions, "key").sortWithinPartitions("key")
        for row in apply_to_partitions(rows, _pack, _PACKED).toLocalIterator():
            writer.append(_unpack(row, rank))
    writer.close()


def _pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each batch as one row of bytes."""
    names = [column.split()[0] for column in _PACKED.split(", ")]
    for batch in batches:
        table = pa.Table.from_batches([batch])
        ids = [one.encode("utf-8") for one in table.column("id").to_pylist()]
        arrays = (
            table.column("key").to_numpy(),
            read_matrix(table.column(FACTORS)),
            b"".join(ids),
            np.array([len(one) for one in ids], np.int64),
            table.column("mark").to_numpy(),
        )
        cells = [pa.array([bytes(array)], pa.binary()) for array in arrays]
        yield pa.RecordBatch.from_arrays(cells, names)


def _unpack(row: Row, rank: int) -> Rows:
    return Rows(
        np.frombuffer(row["keys"], np.int64),
        np.frombuffer(row[FACTORS], np.float32).reshape(-1, rank),
        np.frombuffer(row["ids"], np.uint8),
        np.frombuffer(row["id_lengths"], np.int64),
        np.frombuffer(row["marks"], np.int64),
    )
