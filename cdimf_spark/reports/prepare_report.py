"""What a preparation prints: where the events went, how domains overlap, and what to run next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cdimf_spark.reports.text_tables import text_table
from cdimf_spark.wording import counted

_MOST_GROUPS = 16
_PARTS = ("train", "validation", "test")


def preparation_text(report: Mapping[str, Any]) -> str:
    """Everything that a user of a preparation should know, as text."""
    sections = (
        _events_table(report),
        _links_text(report),
        _overlap_table(report),
        _sizes_table(report),
        _split_text(report),
        *(f"warning: {text}" for text in report["warnings"]),
    )
    return "\n\n".join(section for section in sections if section)


def _events_table(report: Mapping[str, Any]) -> str:
    rows = []
    filtered = f"after filter: {report['config']['filter']}"
    for name, events in report["events"].items():
        lost = [events[fate] for fate in ("time", "event_type", "rating", "zero")]
        merged = report["interactions"][name]
        rows.append(
            (name, *map(_n, (events["events"], *lost, merged["merged"], merged["filtered"])))
        )
    header = (
        *("domain", "events", "outside time", "other types", "low rating", "weight 0"),
        *("pairs", filtered),
    )
    return "From events to interactions (pairs: distinct user and item)\n" + text_table(
        header, rows
    )


def _links_text(report: Mapping[str, Any]) -> str:
    if "links" not in report:
        return ""
    rows = [
        (name, _n(found["linked"]), _n(found["unlinked"]), _n(found["several_accounts"]))
        for name, found in report["links"].items()
    ]
    header = ("domain", "linked users", "without a link", "persons with several ids")
    return "Link table (users without a link belong to their domain alone)\n" + text_table(
        header, rows
    )


def _overlap_table(report: Mapping[str, Any]) -> str:
    overlap = report["overlap"]
    rows = []
    for group in overlap["groups"][:_MOST_GROUPS]:
        for name, found in group["in"].items():
            density = found["interactions"] / (group["users"] * found["items"])
            counts = (_n(number) for number in (group["users"], *found.values()))
            rows.append((" + ".join(group["domains"]), name, *counts, f"{100 * density:.4f} %"))
    for name, found in overlap["domains"].items():
        counts = (_n(found[key]) for key in ("users", "interactions", "items"))
        rows.append(("all", name, *counts, f"{100 * found['density']:.4f} %"))
    header = ("users of", "in domain", "users", "interactions", "items", "density")
    text = "Overlap of the domains, before the split\n" + text_table(header, rows)
    more = len(overlap["groups"]) - _MOST_GROUPS
    return text + (f"\n  and {more} more subsets of domains, see the report" if more > 0 else "")


def _sizes_table(report: Mapping[str, Any]) -> str:
    """Sizes of train, validation and test, as in the paper's Table 1."""
    rows = []
    for name, parts in report["sizes"].items():
        for part in (part for part in _PARTS if part in parts):
            found = parts[part]
            counts = (_n(found[key]) for key in ("users", "items", "interactions"))
            more = ("", "")
            if "density" in found:
                more = (_n(found["shared_users"]), f"{100 * found['density']:.4f} %")
            rows.append((f"{name} {part}", *counts, *more))
    header = ("data set", "users", "items", "interactions", "shared users", "density")
    return "Data sets (the paper's Table 1; shared: in train of several domains)\n" + text_table(
        header, rows
    )


def _split_text(report: Mapping[str, Any]) -> str:
    split, config = report["split"], report["config"]
    said = f"Split: {config['split']}"
    if "order" in split:
        said += f", {split['order']} interactions of a user"
    for part in ("validation", "test"):
        if split.get(f"{part}_from") is not None:
            said += f", {part} from {_moment(split[f'{part}_from'])}"
    lines = [f"{said}, seed {config['seed']}"]
    lines += [
        f"  {case['domain']}, {case['part']}: {counted(case['count'], case['of'])} {case['what']}"
        for case in split["cases"]
    ]
    if report["checks"]:
        names = ", ".join(name.replace("_", " ") for name in report["checks"])
        lines.append(f"Leakage checks passed (all 0): {names}")
    return "\n".join(lines)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _n(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def next_commands(output: str, domains: Sequence[str], has_test: bool) -> str:
    """The commands that train on a prepared folder and evaluate the model."""
    model = f"{output.rstrip('/')}_model"
    submit = "spark-submit --properties-file conf/local.conf"
    train = _arguments("--domain", output, domains, "train")
    lines = [f"{submit} jobs/train_cdimf.py --output {shlex.quote(model)} {train}"]
    if has_test:
        test = _arguments("--test", output, domains, "test")
        lines.append(f"{submit} jobs/evaluate.py --model {shlex.quote(model)} {test}")
    return "Next:\n" + "\n".join(f"  {line}" for line in lines)


def _arguments(flag: str, output: str, domains: Sequence[str], part: str) -> str:
    paths = (f"{name}={output.rstrip('/')}/{name}/{part}" for name in domains)
    return " ".join(f"{flag} {shlex.quote(path)}" for path in paths)
