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
from tests.support.floors import FLOORS

PACKAGE = ROOT / "cdimf_spark"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# What one machine without Java runs.
WITHOUT_SPARK = (
    *("results", "kernel", "solver", "scoring", "serving", "evaluation", "federation", "local"),
)
# The kernel takes scalars and arrays, no configuration.
WITHOUT_OPTIONS = ("kernel",)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def room_of(module: str) -> str | None:
    """The room that a module, or a name in it, belongs to; None if it is in none."""
    parts = module.split(".")
    rooms = (".".join(parts[1:end]) for end in (3, 2)) if parts[0] == "cdimf_spark" else ()
    return next((room for room in rooms if room in FLOOR_OF), None)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def climbs(path: Path) -> Iterator[str]:
    """What a module imports from its own floor or from above, but for its own room."""
    own = room_of(name_of(path))
    assert own is not None, f"{path.relative_to(ROOT)} is in no room: give it a floor"
    for name in imports_of(path):
        room = room_of(name)
        if room not in (None, own) and FLOOR_OF[room] >= FLOOR_OF[own]:
            yield f"{path.relative_to(ROOT)}: {name}"


def test_no_module_imports_from_its_own_floor_or_above() -> None:
    assert [found for path in MODULES for found in climbs(path)] == []


def test_a_climbing_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    module = tmp_path / "cdimf_spark" / "kernel" / "gram.py"
    module.parent.mkdir(parents=True)
    module.write_text("from cdimf_spark.solver.block import solve\nimport numpy\n")
    assert list(climbs(module)) == ["cdimf_spark/kernel/gram.py: cdimf_spark.solver.block.solve"]


@pytest.mark.parametrize("room", WITHOUT_OPTIONS)
def test_rooms_without_options(room: str) -> None:
    names = [
        name for path in MODULES if room_of(name_of(path)) == room for name in imports_of(path)
    ]
    assert names
    assert [name for name in names if room_of(name) == "configuration"] == []


def test_what_one_machine_runs_does_without_spark() -> None:
    names = [
        name_of(path)
        for room in WITHOUT_SPARK
        for path in sorted((PACKAGE / room).rglob("[a-z]*.py"))
    ]
    assert "cdimf_spark.solver.local" in names
    code = (
        f"import sys, importlib\nfor name in {names}: importlib.import_module(name)\n"
        "from cdimf_spark import LocalCDIMF, ServingModel\n"
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
