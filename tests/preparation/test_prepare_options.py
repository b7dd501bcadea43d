"""Options of `prepare`: what they may be, what contradicts, and where they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.prepare import main, parse_arguments
from cdimf_spark.errors import ConfigurationError, UnknownKeyError, ValueOutOfRangeError
from cdimf_spark.preparation.prepare_config import PrepareConfig, load_prepare_config
from cdimf_spark.preparation.prepare_help import _GROUPS
from cdimf_spark.preparation.prepare_options import EventsConfig, PrepareOptions, inherited
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1404172800", 1404172800.0),
        (1404172800.5, 1404172800.5),
        ("2014-07-01", 1404172800.0),
        ("20140701", 1404172800.0),
        ("2014-07-01T02:00:00+02:00", 1404172800.0),
        ("2014-07-01 00:00:01", 1404172801.0),
    ],
)
def test_moments(text: object, seconds: float) -> None:
    assert PrepareOptions(time_from=text).time_from == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_from", "yesterday"),
        ("time_from", "2014"),
        ("event_weights", "view"),
        ("event_weights", "view=-1"),
        ("event_weights", "view=nan"),
        ("event_weights", "view=1,view=2"),
        ("event_weights", {}),
        ("columns", "user=a"),
        ("columns", "user=a,item=a"),
        ("columns", "user=a,item=b,price=c"),
        ("columns", ["a", "b"]),
        ("test_share", 0),
        ("test_share", 0.6),
        ("min_train", 0),
        ("split", "chrono"),
        ("filter", "none"),
        ("keep_apart", "some"),
    ],
)
def test_value_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueOutOfRangeError, match=f"option '{name}' is .* but must be "):
        PrepareOptions(**{name: value})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key_file": "a", "key_env": "B"}, "one key is enough"),
        ({"min_rating": 3, "event_weights": "view=1"}, "a value or a type"),
        ({"keep_apart": "all", "keep_apart_above": 3}, "leaves nothing"),
        ({"links": "a.csv", "keep_apart": "all"}, "links say who is who"),
        ({"split": "cold", "keep_apart": "all"}, "keep_apart all leaves none"),
        ({"time_from": 2, "time_to": 1}, "time_from must be before"),
        ({"test_from": 1}, "are for split: time"),
        ({"split": "time", "test_from": 1}, "together"),
        ({"split": "time", "test_from": 1, "validation_from": 2}, "must be before test_from"),
        ({"split": "cold", "order": "last"}, "order is for the splits"),
        ({"test_share": 0.3}, "test_share is for the splits"),
        ({"split": "cold", "min_train": 2}, "min_train is for the splits"),
    ],
)
def test_options_that_contradict(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        PrepareOptions(**options)


def test_default_shares() -> None:
    assert PrepareOptions(split="cold").share == 0.1
    assert PrepareOptions(split="ratio").share == 0.2
    assert PrepareOptions(split="ratio", test_share=0.3).share == 0.3


def test_a_split_of_shared_users_needs_two_domains() -> None:
    with pytest.raises(ConfigurationError, match="name two domains"):
        PrepareConfig(PrepareOptions(split="warm"), (EventsConfig("a", "a.csv"),))


def test_columns_of_all_domains_and_of_one() -> None:
    config = load_prepare_config(
        options={"columns": "user=u,item=i,time=t"},
        assignments=["domains.b.columns=user=2,item=1,value=3"],
        domains=["a=a.csv", "b=b.csv"],
    )
    assert config.domains[0].source.columns == ("u", "i")
    assert config.domains[1].source.columns == ("2", "1", "3")
    assert config.domains[0].columns == {"user": "u", "item": "i", "time": "t"}


def test_file_arguments_and_json(tmp_path: Path) -> None:
    path = tmp_path / "prepare.yaml"
    path.write_text(
        "domains:\n  sport: a.json.gz\n  cloth:\n    path: b.csv\n    min_rating: 4\n"
        "    columns: {user: buyer, item: article}\nsplit: cold\nseed: 3\nmin_rating: 2\n"
    )
    config = load_prepare_config(str(path), {"seed": "5"}, output="out")
    assert (config.options.split, config.options.seed, config.output) == ("cold", 5, "out")
    assert inherited(config.options, config.domains, "min_rating") == {"sport": 2, "cloth": 4}
    again = PrepareConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config


def test_unknown_options_name_the_nearest() -> None:
    with pytest.raises(UnknownKeyError, match=r"did you mean 'domains\.a\.min_rating'\?"):
        load_prepare_config(domains=["a=a"], assignments=["domains.a.min_ratng=3"])
    with pytest.raises(ConfigurationError, match="--min-rating 4"):
        load_prepare_config(domains=["a=a"], assignments=["min_rating=3"])
    with pytest.raises(ConfigurationError, match="no domain"):
        load_prepare_config()


def test_every_option_is_an_argument_of_the_job() -> None:
    shown = [name for names in _GROUPS.values() for name in names]
    assert sorted(shown) == sorted(PrepareOptions.__dataclass_fields__)
    given = parse_arguments(["--domain", "a=b", "--keep-apart-above", "9827", "--split", "warm"])
    assert (given.keep_apart_above, given.split, given.seed) == ("9827", "warm", None)


def test_the_example_can_be_loaded() -> None:
    config = load_prepare_config(str(ROOT / "conf" / "prepare_example.yaml"))
    assert [domain.name for domain in config.domains] == ["sport", "cloth", "video"]
    assert config.domains[2].event_weights == {"trailer": 1.0, "watch": 5.0}


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: main(["--help"])) == 0
    assert "leave_one_out  one interaction of each user" in capsys.readouterr().out
    assert run(lambda: main(["--domain", "a"])) == 2
    assert run(lambda: main(["--domain", "a=b.csv", "--split", "wram"])) == 2
    assert "error: option 'split'" in capsys.readouterr().err
