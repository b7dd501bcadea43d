"""Where paths lie, and which of them overlap."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.overlaps import refuse_overlap
from cdimf_spark.results.places import Place, input_places, place_of

HERE = Place("file", ("home", "anna"), "/home/anna")
CLUSTER = place_of("hdfs://name:8020/user/anna", HERE)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("models", "file:/home/anna/models"),
        ("./a//b/../c/", "file:/home/anna/a/c"),
        ("/../a", "file:/a"),
        ("file:/a/b", "file:/a/b"),
        ("file:///a/b", "file:/a/b"),
        ("FILE://localhost/a", "file:/a"),
        ("s3a://bucket/x/../y", "s3a://bucket/y"),
        ("a b/%20", "file:/home/anna/a b/%20"),
        ("/", "file:/"),
    ],
)
def test_a_path_is_read_as_spark_reads_it(path: str, uri: str) -> None:
    assert place_of(path, HERE).uri == uri


def test_paths_without_scheme_belong_to_the_default_file_system() -> None:
    for path in ("x", "/user/anna/x", "hdfs:///user/anna/x", "hdfs://name:8020/user/anna/x"):
        found = place_of(path, CLUSTER)
        assert (found.store, found.parts) == ("hdfs://name:8020", ("user", "anna", "x"))
    assert place_of("dbfs:/x", CLUSTER).uri == "dbfs:/x"
    assert place_of("file:/x", CLUSTER).local == Path("/x")
    assert place_of("x", CLUSTER).local is None


def refused(output: str, source: str, here: Place = HERE) -> str:
    """What is said, nothing if the output is allowed."""
    named = [("the input", place) for place in input_places(source, here)]
    try:
        refuse_overlap(place_of(output, here), named)
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("output", "source", "words"),
    [
        ("in", "in", "is the input"),
        ("in/", "/home/anna/x/../in", "is the input"),
        ("in/model", "in", "lies inside the input"),
        ("/home", "in", "contains the input"),
        ("data", "data/*.csv", "contains the input"),
        ("data/model", "data/*", "is matched by the input"),
        ("data/model", "data/*/part.csv", "contains the input"),
        ("data/model/x", "data/mo[a-d]el", "lies inside"),
        ("data/b/model", "{data/a,data/b}", "lies inside"),
        ("data/b/model", "data/{a,{b,c}}/*", "is matched by the input"),
        ("data/[x]/model", "data/[x]", "lies inside"),
        ("s3a://bucket/in/out", "s3://bucket/in", "lies inside"),
    ],
)
def test_overlapping_paths_are_refused(output: str, source: str, words: str) -> None:
    said = refused(output, source)
    assert words in said
    assert f"output {output!r} " in said
    assert f"the input {source!r}," in said


@pytest.mark.parametrize(
    ("output", "source"),
    [
        ("model", "in"),
        ("in2", "in"),
        ("data/model", "data/*.csv"),
        ("data/model", "data/m[a-c]del"),
        ("data/model", "data/[!m]*"),
        ("data/model", "data/[^m]odel"),
        ("data/model", "data/?odel.csv"),
        ("data/c", "data/{a,b}"),
        ("s3://one/in", "s3://two/in"),
        ("in", "s3://bucket/home/anna/in"),
    ],
)
def test_other_paths_are_allowed(output: str, source: str) -> None:
    assert refused(output, source) == ""


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for output, source in (("link", "in"), ("in", "link"), ("link/x", "in"), ("in/x", "link")):
        assert refused(str(tmp_path / output), str(tmp_path / source))
    (tmp_path / "globbed").mkdir()
    (tmp_path / "globbed" / "b").symlink_to(tmp_path / "in")
    assert refused(str(tmp_path / "in"), f"{tmp_path}/globbed/*")
    assert refused(str(tmp_path / "in" / "new"), f"{tmp_path}/link/*")
    assert not refused(str(tmp_path / "out"), f"{tmp_path}/globbed/*")
