"""Who may import whom, and what works on Spark Connect."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "cdimf_spark"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Lower layers do not know the upper ones.
FORBIDDEN = {
    "kernel": (
        *("cdimf_spark.solver", "cdimf_spark.serving", "cdimf_spark.distributed"),
        *("cdimf_spark.configuration.settings", "pyspark"),
    ),
    "solver": (
        *("cdimf_spark.serving", "cdimf_spark.distributed", "cdimf_spark.configuration.config"),
        *("pyspark", "delta"),
    ),
    "serving": ("cdimf_spark.distributed", "cdimf_spark.configuration.config", "pyspark", "delta"),
    "errors": ("cdimf_spark", "pyspark"),
    "schemas": ("cdimf_spark", "pyspark"),
    "sizing": ("cdimf_spark.kernel", "cdimf_spark.solver", "cdimf_spark.distributed", "pyspark"),
    "planning": ("cdimf_spark.kernel", "cdimf_spark.solver", "cdimf_spark.distributed", "pyspark"),
    "options": ("cdimf_spark.kernel", "cdimf_spark.solver", "cdimf_spark.distributed", "pyspark"),
    "settings": ("cdimf_spark.kernel", "cdimf_spark.solver", "cdimf_spark.distributed", "pyspark"),
    "config": ("cdimf_spark.kernel", "cdimf_spark.solver", "cdimf_spark.distributed", "pyspark"),
}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_a_layer_imports_nothing_above_it(layer: str) -> None:
    paths = [p for p in MODULES if p.relative_to(PACKAGE).with_suffix("").parts[0] == layer]
    assert paths
    wrong = [
        f"{path.name}: {name}"
        for path in paths
        for name in imports_of(path)
        if any(f"{name}.".startswith(f"{banned}.") for banned in FORBIDDEN[layer])
    ]
    assert wrong == []


def test_kernel_solver_and_serving_do_without_spark() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for layer in ("kernel", "solver", "serving")
        for path in sorted((PACKAGE / layer).glob("[a-z]*.py"))
    ]
    assert "cdimf_spark.solver.local" in names
    code = (
        f"import sys, importlib\nfor name in {names}: importlib.import_module(name)\n"
        "from cdimf_spark import ServingModel\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('pyspark', 'py4j')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_nothing_that_spark_connect_lacks() -> None:
    banned = re.compile(r"sparkContext|\.rdd\b|_jvm|_jdf|_jsc|_jsparkSession")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in MODULES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if banned.search(line)
    ]
    assert found == []
