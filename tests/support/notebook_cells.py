"""Notebooks in Databricks' source format as those of Jupyter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

_FIRST = "# Databricks notebook source\n"
_BETWEEN = "\n# COMMAND ----------\n"
_MAGIC = "# MAGIC"


def read_source(path: Path) -> NotebookNode:
    """Return a notebook with the cells of a source file, the code of each unchanged."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith(_FIRST), f"{path} is no Databricks notebook"
    cells = [_cell(part.strip("\n")) for part in text.removeprefix(_FIRST).split(_BETWEEN)]
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    return notebook


def _cell(text: str) -> Any:
    if not text.startswith(_MAGIC):
        return nbformat.v4.new_code_cell(text)  # type: ignore[no-untyped-call]
    lines = [line.removeprefix(_MAGIC).removeprefix(" ") for line in text.splitlines()]
    assert lines[0] == "%md", f"a magic that Jupyter has not: {lines[0]}"
    return nbformat.v4.new_markdown_cell("\n".join(lines[1:]))  # type: ignore[no-untyped-call]


def shown_text(cell: Any) -> str:
    """All text that a cell put out."""
    return "".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for output in cell.get("outputs", ())
    )
