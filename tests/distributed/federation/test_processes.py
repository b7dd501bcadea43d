"""Two parties as two processes, one of which is killed and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.support.parties import Federation
from tests.support.trained_tables import published

pytestmark = pytest.mark.long


def written_config(federation: Federation, party: str) -> Path:
    """The configuration of a party as a file, with its data."""
    config = federation.config(party).to_dict()
    data = federation.folder / f"{party}.parquet"
    federation.domains[party].to_parquet(data)
    given = {name: value for name, value in config["federation"].items() if value is not None}
    values: dict[str, Any] = {
        **federation.model,
        "domains": {party: str(data)},
        "output": config["output"],
        "federation": given,
    }
    path = federation.folder / f"{party}.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def start(config: Path, *more: str) -> subprocess.Popen[str]:
    code = (
        "import sys\nfrom cdimf_spark.distributed.session import build_session\n"
        "build_session(spark__master='local[1]', spark__driver__memory='1g')\n"
        "from cdimf_spark.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "train", "--config", str(config), *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"}
    return subprocess.Popen(
        command,
        cwd=config.parent,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_line(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"no line with {words!r}")


@pytest.mark.parametrize("moment", ["iteration=1/3", "iteration=2/3", "publishing"])
def test_a_killed_party_comes_back_and_ends_in_the_same_bits(
    federation: Federation, tmp_path: Path, moment: str
) -> None:
    again = Federation(federation.spark, tmp_path, federation.domains, federation.terms)
    books, films = (start(written_config(again, party)) for party in ("books", "films"))
    wait_for_line(films, moment)
    os.killpg(films.pid, signal.SIGKILL)
    films.communicate()
    back = start(tmp_path / "films.yaml", "--resume")
    for process in (back, books):
        _, said = process.communicate()
        assert process.returncode == 0, said
    for party in federation.domains:
        assert published(federation.spark, again.output(party)) == published(
            federation.spark, federation.output(party)
        )


def test_a_paused_party_is_waited_for_only_so_long(federation: Federation, tmp_path: Path) -> None:
    terms = {**federation.terms, "quorum": 1, "round_timeout": "10s"}
    again = Federation(federation.spark, tmp_path, federation.domains, terms)
    books, films = (start(written_config(again, party)) for party in ("books", "films"))
    wait_for_line(films, "iteration=1/3")
    os.killpg(films.pid, signal.SIGSTOP)
    try:
        _, said = books.communicate()
        assert books.returncode == 0, said
        assert "party 'films': rows of round" in said
    finally:
        os.killpg(films.pid, signal.SIGCONT)
    # The others have finished: it ends with their last rows.
    _, said = films.communicate()
    assert films.returncode == 0, said
