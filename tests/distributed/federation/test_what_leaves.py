"""What a party leaves where others can read it, to the byte; and its own log of that."""

from __future__ import annotations

import getpass
import json
import socket
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cdimf_spark.distributed.blocks.block_rows import decode
from cdimf_spark.distributed.federation.audit import audit_text
from cdimf_spark.distributed.output.tables import AUDIT_LOG
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.errors import DataError
from cdimf_spark.federation.sent_rows import unpack_rows
from cdimf_spark.kernel.initialization import id_keys
from tests.support.parties import Federation
from tests.support.pseudonyms import pseudonym
from tests.support.trained_tables import read

RANK = 6


def exchanged(federation: Federation, party: str) -> dict[int, set[int]]:
    """Keys of the users that a party sent, by round; checks that the rows are X + U of the run."""
    found: dict[int, set[int]] = {}
    for file in sorted((federation.place / party / "exchange").rglob("*.parquet")):
        number = int(file.parent.name.partition("=")[2])
        for row in pq.read_table(file, partitioning=None).to_pylist():
            keys, rows = unpack_rows(row["payload"], row["n"], RANK)
            assert np.isfinite(rows).all()
            found.setdefault(number, set()).update(keys.tolist())
    return found


def test_only_users_that_others_have_are_sent(federation: Federation) -> None:
    users = {name: set(frame["user_id"]) for name, frame in federation.domains.items()}
    both = set(id_keys(sorted(map(pseudonym, users["books"] & users["films"]))).tolist())
    for party in federation.domains:
        assert exchanged(federation, party) == dict.fromkeys((1, 2, 3), both)
        (folder,) = (federation.place / party / "exchange").iterdir()
        assert folder.name == "books+films"


def test_bytes_of_a_round_are_keys_and_rows(federation: Federation) -> None:
    users = [set(frame["user_id"]) for frame in federation.domains.values()]
    n_shared = len(users[0] & users[1])
    log = read(federation.spark, federation.output("books"), AUDIT_LOG)
    sent = log.where("direction = 'sent' AND what = 'rows'").orderBy("round").collect()
    assert [(row["round"], row["users"], row["bytes"]) for row in sent] == [
        (number, n_shared, n_shared * (8 + 4 * RANK)) for number in (1, 2, 3)
    ]


def test_a_party_keeps_an_iteration_in_one_table(federation: Federation) -> None:
    """One commit in place of three: nobody else reads its private folder."""
    users = [set(frame["user_id"]) for frame in federation.domains.values()]
    output = federation.output("films")
    assert not any((output / table).exists() for table in ("exchange", "consensus"))
    rows = PublishedModel(federation.spark, str(output)).exchanged_blocks()
    assert rows is not None
    keys = decode(rows.toArrow(), "exchange_keys", domain="films")
    assert set(keys.tolist()) == set(id_keys(sorted(users[0] & users[1])).tolist())


def test_nothing_private_is_in_the_meeting_place(federation: Federation) -> None:
    """Not in the files, and not in the logs of the tables, which are as readable."""
    private = {getpass.getuser(), socket.gethostname(), str(federation.folder)}
    private |= {"customer-", "article-", "reg_param", "max_iter", "item_factors"}
    files = [path for path in federation.place.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += json.dumps(
                pq.read_table(path, partitioning=None).to_pylist(), default=repr
            ).encode()
        found = [word for word in private if word.encode() in content]
        assert found == [], path


def test_weights_and_items_are_not_there_as_numbers(federation: Federation) -> None:
    items = {
        key
        for frame in federation.domains.values()
        for key in id_keys(sorted(set(frame["item_id"])))
    }
    plain = {
        key
        for frame in federation.domains.values()
        for key in id_keys(sorted(set(frame["user_id"])))
    }
    for path in federation.place.rglob("*.parquet"):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            numbers = {value for value in row.values() if isinstance(value, int)}
            if "payload" in row:
                numbers |= set(unpack_rows(row["payload"], row["n"], RANK)[0].tolist())
            assert not numbers & items
            # A bare hash of an id could be found by whoever guesses the id.
            assert not numbers & plain


def test_the_log_of_a_party_is_printed(federation: Federation, tmp_path: Path) -> None:
    text = audit_text(federation.spark, str(federation.output("films")))
    assert text.count("sent") == 2 + 3
    assert text.count(" read ") == 3
    assert "books+films" in text
    with pytest.raises(DataError, match="has no audit log"):
        audit_text(federation.spark, str(tmp_path))
