from __future__ import annotations

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from cdimf_spark import schemas
from cdimf_spark.arrow_schemas import arrow_schema

TABLES = {
    name: ddl
    for name, ddl in vars(schemas).items()
    if isinstance(ddl, str) and name.isupper() and " " in ddl
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_equal_to_spark_s_own_reading(spark: SparkSession, name: str) -> None:
    found = arrow_schema(TABLES[name])
    read = StructType.fromDDL(TABLES[name])
    assert isinstance(read, StructType)
    expected = to_arrow_schema(read)
    assert [(f.name, str(f.type).replace("element: ", "item: ")) for f in found] == [
        (f.name, str(f.type).replace("element: ", "item: ").replace(" not null", ""))
        for f in expected
    ]


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(ValueError, match="decimal"):
        arrow_schema("price decimal(10)")
    assert arrow_schema("id long").types == [pa.int64()]
