"""Any tree of foreign files, models and results, any output, any input: nothing foreign changes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.folders import Order, claim_folder
from cdimf_spark.results.marker import Kind
from cdimf_spark.results.places import input_places, place_of, working_folder
from cdimf_spark.results.replacing import check_output, new_result
from tests.support.folders import snapshot

N_CASES = 600
NAMES = ["a", "b", "runs", "state", "report.json", "_SUCCESS", "_delta_log", ".git", "part-0.csv"]
FORMS = {Kind.MODEL: "", Kind.TUNING: "", Kind.ARRAYS: "", Kind.PREPARED: "csv"}
names = st.sampled_from(NAMES)
folders = st.lists(names, max_size=3).map("/".join)
kinds = st.sampled_from(list(Kind))


@dataclass(frozen=True)
class Tree:
    """What is on the disk before a command.

    Attributes
    ----------
    results
        Kinds of results by their folders; made in this order, where nothing is yet.
    files
        Foreign files, also in the folders of results.
    links
        Links, by their names, to folders.
    """

    results: list[tuple[str, Kind]]
    files: list[str]
    links: list[tuple[str, str]]


@dataclass
class Command:
    """What is asked for: a path in the tree, written in one of several ways."""

    kind: Kind
    output: str
    spelling: str
    overwrite: bool
    fails: bool
    inputs: list[str] = field(default_factory=list)


trees = st.builds(
    Tree,
    st.lists(st.tuples(folders, kinds), max_size=3),
    st.lists(st.lists(names, min_size=1, max_size=4).map("/".join), max_size=4),
    st.lists(st.tuples(st.sampled_from(["link", "a/link"]), folders), max_size=1),
)
spellings = st.sampled_from(["{}", "{}/", "{}/x/..", "file:{}", "file://{}", "{}//.", "relative"])
globs = st.builds("{}/{}".format, folders, st.sampled_from(["*", "*.csv", "[ab]", "{a,b}/*"]))
paths = st.one_of(folders, st.builds("{}{}".format, st.just("link/"), folders))


@st.composite
def commands(draw: st.DrawFn, tree: Tree) -> Command:
    there = [folder for folder, _ in tree.results] or [""]
    known = st.sampled_from([*there, *tree.files, *(name for name, _ in tree.links), "new"])
    place = st.one_of(known, paths, known.map("{}/new".format))
    # A path that begins with a slash would lie outside of the tree.
    place = place.map(lambda path: path.lstrip("/"))
    inputs = st.lists(st.one_of(place, globs), max_size=2)
    flags = st.booleans()
    return Command(
        draw(st.one_of(st.sampled_from([k for _, k in tree.results] or [Kind.INDEX]), kinds)),
        draw(place), draw(spellings), draw(flags), draw(flags), draw(inputs),
    )  # fmt: skip


def make(root: Path, tree: Tree) -> set[str]:
    """Make a tree as far as that goes; return the paths of what we made there."""
    ours: set[str] = set()
    for folder, kind in tree.results:
        before = set(snapshot(root))
        if not folder and before:
            continue
        with contextlib.suppress(ConfigurationError):
            act(root / folder, Command(kind, folder, "{}", False, False), "old")
        ours |= set(snapshot(root)) - before
    for name in tree.files:
        path = root / name
        assert path.is_relative_to(root)
        assert path != root
        if not any(above.is_file() for above in (path, *path.parents)) and not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"foreign {name}")
    for name, to in tree.links:
        if (root / to).is_dir() and (root / name).parent.is_dir():
            (root / name).symlink_to(root / to)
    return ours


def act(output: Path | str, command: Command, text: str, inputs: tuple[str, ...] = ()) -> Path:
    """What every writer does: check, then mark and go on, or make a new folder."""
    here = working_folder()
    order = Order(command.kind, FORMS.get(command.kind, "parquet"), command.overwrite)
    named = [("the input", place) for one in inputs for place in input_places(one, here)]
    folder = check_output(place_of(str(output), here), order, named)
    if command.kind.grows:
        claim_folder(folder, order.marker)
        (folder / "runs" / "_delta_log").mkdir(parents=True, exist_ok=True)
        (folder / "runs" / "_delta_log" / "0.json").write_text(text)
        return folder
    with new_result(folder, str(output), order) as new:
        (new / "table").mkdir(parents=True)
        (new / "table" / "part-0").write_text(text)
        if command.fails:
            raise RuntimeError("disk full")
        (new / "_SUCCESS").write_text("")
    return folder


def spelt(root: Path, command: Command) -> str:
    path = root / command.output
    assert path.is_relative_to(root)
    if command.spelling == "relative":
        return os.path.relpath(path)
    return command.spelling.format(path)


COUNTS: Counter[str] = Counter()


@settings(max_examples=N_CASES)
@given(st.data())
def test_nothing_foreign_changes_by_a_byte(data: st.DataObject) -> None:
    tree = data.draw(trees)
    command = data.draw(commands(tree))
    base = Path(os.path.realpath(tempfile.mkdtemp(prefix="guard-")))
    # Not the folder itself: where a tree is written anew, its parent is written to as well.
    root = base / "tree"
    root.mkdir()
    try:
        ours = make(root, tree)
        before = snapshot(root)
        inputs = tuple(f"{root}/{path}" for path in command.inputs)
        read = {one: snapshot_of_input(one) for one in inputs}
        try:
            folder = act(spelt(root, command), command, "new", inputs)
            ended = "written"
        except ConfigurationError:
            ended = "refused"
        except RuntimeError:
            ended = "failed"
        after = snapshot(root)
        changed = {path for path in before if after.get(path, "gone") != before[path]}
        COUNTS[ended] += 1
        if ended != "written":
            assert after == before
            return
        target = folder.relative_to(root).as_posix()
        inside = {path for path in changed if target == "." or path.startswith(f"{target}/")}
        assert changed == inside
        # What changed or went is what an earlier run of this package had made there.
        assert changed <= ours
        assert {one: snapshot_of_input(one) for one in inputs} == read
        new = set(after) - set(before) - {target, *map(str, Path(target).parents)}
        assert all(target == "." or path.startswith(f"{target}/") for path in new)
        COUNTS["replaced"] += bool(changed)
    finally:
        shutil.rmtree(base)


def snapshot_of_input(path: str) -> str:
    """All that an input may stand for, folders with everything below."""
    found = {}
    for place in input_places(path, working_folder()):
        text = "/" + "/".join(place.parts)
        for one in sorted({text, *map(str, Path("/").glob(text[1:] or "*"))}):
            if Path(one).is_dir():
                found[one] = {k: str(v) for k, v in snapshot(Path(one)).items()}
            elif Path(one).exists():
                found[one] = {"": str(Path(one).read_bytes())}
    return json.dumps(found, sort_keys=True)


def test_the_cases_were_of_every_kind() -> None:
    """Refusing everything would harm nothing either."""
    assert COUNTS["written"] > N_CASES // 20
    assert COUNTS["replaced"] > N_CASES // 200
    assert COUNTS["failed"] > N_CASES // 100
    assert COUNTS["refused"] > N_CASES // 10
