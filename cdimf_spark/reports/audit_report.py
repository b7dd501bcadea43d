"""What an audit found, in words for people who are no experts, and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdimf_spark.reports.text_tables import text_table

NAMES = {
    "own": "the reader's own data alone",
    "E": "X + U as exchanged last",
    "z": "the consensus z",
}
# From here on an AUC is told in the words beside it.
_WORDS = ((0.85, "very well"), (0.7, "well"), (0.6, "somewhat"), (0.0, "hardly"))


def audit_text(found: Mapping[str, Any]) -> str:
    """The verdict and the tables."""
    rows = [
        (
            NAMES.get(one["features"], one["features"]),
            f"{100 * one['known']:g} %",
            f"{one['auc']:.3f} ({one['auc_low']:.3f} to {one['auc_high']:.3f})",
            f"{one['precision_at_10']:.3f}",
            f"{one['tpr_at_0.001_fpr']:.3f}",
            f"{one['coverage']:.2f}",
        )
        for one in found["attacks"]
    ]
    header = ("from", "known", "AUC (95 % interval)", "precision at 10", "TPR", "covered")
    activity = [
        (NAMES.get(one["features"], one["features"]), f"{one['spearman']:.2f}")
        for one in found["activity"]
    ]
    return "\n".join(
        [
            verdict(found),
            "",
            text_table(header, rows),
            "",
            text_table(("length of the row and number of items", "Spearman"), activity),
            "",
            "AUC: how often an item that a held-out user has stands above one of equal popularity",
            "that they have not (.5: guessing). Precision: of the ten items named first, the share",
            "that they have. TPR: interactions found where one in a thousand others is named by",
            "mistake. Covered: interactions whose item some known user has, with another one as",
            "popular; the AUC is of these only. Each number is that of the strongest of three",
            "attacks; others may find more.",
        ]
    )


def verdict(found: Mapping[str, Any]) -> str:
    """What the strongest attack on exchanged rows found, beside that on the reader's own data."""
    own = {one["known"]: one["auc"] for one in found["attacks"] if one["features"] == "own"}
    seen = [one for one in found["attacks"] if one["features"] != "own"]
    best = max(seen, key=lambda one: float(one["auc"]))
    word = next(word for bound, word in _WORDS if best["auc"] >= bound)
    apart = found["held_out_users"]
    return (
        f"{found['reader']} reads rows of {found['shared_users']:,} users of {found['domain']}.\n"
        f"If it knows what {100 * best['known']:g} % of them have, it tells the items of\n"
        f"the others {word} from items that they do not have: AUC {best['auc']:.2f} from\n"
        f"{NAMES[best['features']]}, {own[best['known']]:.2f} without the exchange "
        f"({apart:,} held-out users)."
    )
