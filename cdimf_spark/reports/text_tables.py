"""What a job prints: plain text tables of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell; the first to the left, the others to the right."""
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        others = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
        return "  ".join(("", first, *others)).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *map(line, rows)])


def training_summary(iterations: Sequence[Mapping[str, Any]]) -> str:
    """What a training did: iterations, seconds, share of the loss explained by domain."""
    last = iterations[-1]
    # The first one compiles and warms up.
    timed = iterations[1:] or iterations
    seconds = median(iteration["seconds"] for iteration in timed)
    which = "median" if timed is iterations else "median of all but the first"
    lines = [
        f"{len(iterations)} iterations, {seconds:.2f} s each ({which}); "
        f"loss {last['loss']:.6g}, primal residual {last['primal_residual']:.4g}, "
        f"dual residual {last['dual_residual']:.4g}",
        "",
        text_table(
            ("domain", "explained", "loss"),
            [
                (domain["domain"], f"{100 * domain['explained']:.1f} %", f"{domain['loss']:.6g}")
                for domain in last["domains"]
            ],
        ),
    ]
    if last["explained"] < _LITTLE:
        lines.append(
            "\nThe model explains little of the observed interactions and will recommend hardly "
            "more than what is popular: lower reg_param, or train longer."
        )
    return "\n".join(lines)


# Below this share of the observed weight a model is close to all zeros.
_LITTLE = 0.05


def metrics_table(results: Mapping[str, Mapping[str, Any]], k: int) -> str:
    """Metrics of several models on the same split, domain by domain.

    Parameters
    ----------
    results : name of the model -> result of an evaluation
    """
    rows = []
    domains = next(iter(results.values()))["domains"]
    for domain in domains:
        for name, result in results.items():
            found = result["domains"][domain]
            shares = (f"{100 * found[metric]:.1f}" for metric in ("hr", "ndcg", "coverage"))
            rows.append((f"{domain}: {name}", *shares, str(found["n_test"])))
    header = ("in percent", f"HR@{k}", f"NDCG@{k}", "coverage", "test rows")
    return text_table(header, rows)
