"""Training interactions as a fold-in takes them."""

from __future__ import annotations

import pandas as pd


def training_cells(frame: pd.DataFrame, row: str, other: str) -> dict[str, dict[str, float]]:
    """Weights by row and id of the other side, repeated pairs added up."""
    totals = frame.groupby([row, other], as_index=False)["weight"].sum()
    cells: dict[str, dict[str, float]] = {}
    for one, two, weight in zip(totals[row], totals[other], totals["weight"], strict=True):
        cells.setdefault(one, {})[two] = weight
    return cells
