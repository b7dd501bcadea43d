"""The documents: what they point to is there, and what they repeat of the code is true."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdimf_spark import errors, input_errors
from cdimf_spark.configuration.options import describe_options
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from tests.conftest import ROOT
from tests.support.floors import FLOORS

README = ROOT / "README.md"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], key=lambda path: path.as_posix()
)
# People and CI run these lines as they are.
START = (
    'python3.11 -m venv .venv && . .venv/bin/activate && pip install -e ".[spark]" && '
    "spark-submit --properties-file conf/local.conf jobs/train_cdimf.py"
)
TESTS = 'pip install -e ".[dev]" && python -m pytest -n 2'

_LINK = re.compile(r"\[(?:[^\]]*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
# Modules, by their whole paths or by those below the package, and settings; NAME stands for any.
_FILE = re.compile(
    r"(?<![\w./=:$-])((?:[\w.-]+/)+(?!NAME)\w+\.py|conf/[\w.-]+\.(?:conf|sh|yaml|properties))\b"
)
_MODULE = re.compile(r"python -m (tests(?:\.\w+)+)|`(tests(?:\.\w+)+)`")
# A link to a module, and the names in it that the text points to.
_NAMES = re.compile(r"\]\(([^)\s]+\.py)\)((?:,? `\w+`)+)")
_UNPUBLISHED = re.compile(r"pip install (?:-\S+ )*[\"']?cdimf[_-]spark(?!-\d)", re.IGNORECASE)
_TEXTS = (".md", ".py", ".cfg", ".toml", ".conf", ".yaml", ".sh")


def identity(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", _FENCE.sub("", text_of(path)), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        # The second heading of a name gets a number.
        repeats = [name for name in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", name)]
        found.add(f"{slug}-{len(repeats)}" if slug in found else slug)
    return found


def broken_links(path: Path) -> Iterator[str]:
    prose = _CODE.sub("", _FENCE.sub("", text_of(path)))
    for target in _LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        to = (path.parent / file).resolve() if file else path
        if not to.exists() or ROOT not in (to, *to.parents):
            yield f"{target}: no such file"
        elif anchor and (to.suffix != ".md" or anchor not in anchors(to)):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=identity)
def test_links_and_anchors_resolve(path: Path) -> None:
    assert list(broken_links(path)) == []


def test_broken_links_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_documents.ROOT", tmp_path)
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# One `word` too\n\n## Twice\n\n## Twice\n")
    page.write_text(
        "[a](gone.md) [b](other.md#none) [c](#none) [d](other.md#one-word-too) "
        "[e](other.md#twice-1) `[f](in_code.md)` [g](https://example.org/)\n"
    )
    assert [found.partition(":")[0] for found in broken_links(page)] == [
        "gone.md",
        "other.md#none",
        "#none",
    ]


def is_there(file: str, path: Path) -> bool:
    places = (ROOT, ROOT / "cdimf_spark", ROOT / "cdimf_spark" / "distributed", path.parent)
    return any((place / file).exists() for place in places)


@pytest.mark.parametrize("path", DOCUMENTS, ids=identity)
def test_files_and_modules_that_are_named_exist(path: Path) -> None:
    prose = _LINK.sub("", text_of(path))
    modules = [one or other for one, other in _MODULE.findall(prose)]
    files = [*_FILE.findall(prose), *(f"{name.replace('.', '/')}.py" for name in modules)]
    assert [file for file in files if not is_there(file, path)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=identity)
def test_names_beside_a_link_to_a_module_are_in_it(path: Path) -> None:
    missing = []
    for file, names in _NAMES.findall(text_of(path)):
        code = text_of(path.parent / file)
        for name in re.findall(r"\w+", names):
            if not re.search(rf"^ *(?:def|class) {name}\b|^{name}\b.*=", code, re.MULTILINE):
                missing.append(f"{file}: {name}")
    assert missing == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(text_of(index))}
    pages = [path for path in DOCUMENTS if "docs" in path.parts and path != index]
    assert [identity(path) for path in pages if path not in linked] == []


def test_readme_is_short() -> None:
    lines = text_of(README).splitlines()
    assert len(lines) <= 200
    long = [line for line in lines if len(line) > 120 and not line.startswith("|")]
    assert [line for line in long if line != START] == []


@pytest.mark.parametrize("command", [START, TESTS])
def test_readme_has_its_two_commands(command: str) -> None:
    assert command in text_of(README).splitlines()


def test_nobody_is_told_to_install_a_name_that_is_not_published() -> None:
    assert _UNPUBLISHED.search("run %pip install cdimf_spark[plots]")
    assert not _UNPUBLISHED.search("pip install -e . && pip install dist/cdimf_spark-0.1.0.whl")
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode:
        pytest.skip("not a clone: which files belong to the repository is not known")
    files = [ROOT / name for name in tracked.stdout.splitlines()]
    texts = [file for file in files if file.suffix in _TEXTS and file != Path(__file__)]
    assert [identity(path) for path in texts if _UNPUBLISHED.search(text_of(path))] == []


@pytest.mark.parametrize("options", [ModelConfig, DomainConfig])
def test_options_are_in_the_reference(options: type) -> None:
    page = text_of(ROOT / "docs" / "reference" / "options.md").splitlines()
    rows = [f"| `{row[0]}` | {' | '.join(row[1:])} |" for row in describe_options(options)]
    assert [row for row in rows if row not in page] == []


def test_every_exit_code_has_its_section() -> None:
    named = {**vars(errors), **vars(input_errors)}
    kinds = [kind for kind in named.values() if isinstance(kind, type)]
    coded = [kind for kind in kinds if issubclass(kind, errors.CDIMFError)]
    page = text_of(ROOT / "docs" / "reference" / "errors.md")
    told = {int(code) for code in re.findall(r"^## Exit code (\d+): ", page, re.MULTILINE)}
    assert {0, 130, *(kind.exit_code for kind in coded)} == told
    names = [kind.__name__ for kind in coded if kind is not errors.CDIMFError]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_room_is_in_the_picture() -> None:
    page = text_of(ROOT / "docs" / "developing" / "architecture.md")
    picture = _FENCE.findall(page)[0]
    rooms = [room.rpartition(".")[2] for floor in FLOORS for room in floor]
    assert [room for room in rooms if not re.search(rf"\b{room}\b", picture)] == []
