"""The plan of a training against counts of random data, and its command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands import train
from cdimf_spark.configuration.planning import plan_from_arguments, plan_text
from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.configuration.sizing import num_blocks, plan
from cdimf_spark.errors import CDIMFError, ConfigurationError

counts = st.integers(1, 10**10)


def test_blocks_depend_on_the_data_alone() -> None:
    assert num_blocks(1, 1) == num_blocks(25 * 10**6, 25 * 10**6) == (2, 2)
    assert num_blocks(25 * 10**6 + 1, 25 * 10**6) == (4, 2)
    assert num_blocks(10**9, 3 * 10**8) == (80, 24)
    assert num_blocks(10**9, 3 * 10**8, 7) == (7, 7)
    assert num_blocks(10**9, 3 * 10**8, None, 7) == (80, 7)


def test_messages_of_random_interactions() -> None:
    """Counted: the distinct pairs of a source row and the block of the other side's row."""
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 2000, 6000), rng.integers(0, 500, 6000)
    sent = [
        len(set(zip(source.tolist(), (other % 4).tolist(), strict=True)))
        for source, other in ((users, items), (items, users))
    ]
    sizes = plan(2000, 500, 6000, rank=8, blocks=4)
    assert sizes.shuffle_expected == pytest.approx(sum(sent) * 8 * 4, rel=0.02)
    assert sizes.shuffle_expected < sizes.shuffle_most
    assert sizes.shuffle_most == (6000 + 2000) * 8 * 4
    # With fewer item blocks fewer user rows travel.
    fewer = plan(2000, 500, 6000, rank=8, blocks=4, item_blocks=2)
    assert sizes.shuffle_most - fewer.shuffle_most == (6000 - 2 * 2000) * 8 * 4
    assert (fewer.user_blocks, fewer.item_blocks) == (4, 2)
    # X + U of the shared ones.
    coupled = plan(2000, 500, 6000, rank=8, blocks=4, shared=100)
    assert coupled.shuffle_most - sizes.shuffle_most == 100 * 8 * 4


@given(counts, counts, counts, st.integers(1, 50), st.integers(1, 512))
def test_a_larger_training_is_never_smaller(
    users: int, items: int, interactions: int, domains: int, rank: int
) -> None:
    small = plan(users, items, interactions, domains, rank, blocks=7).to_dict()
    large = plan(2 * users, 2 * items, 2 * interactions, domains, 2 * rank, blocks=7).to_dict()
    assert all(0 < small[name] <= large[name] for name in small)
    json.dumps(small)


@pytest.mark.parametrize("wrong", [{"users": 0}, {"cores": 0}, {"shared": 11}])
def test_impossible_numbers(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=f"plan: {next(iter(wrong))} is"):
        plan(**{"users": 10, "items": 10, "interactions": 10, **wrong})


def test_numbers_of_the_command_line() -> None:
    model = ModelConfig(rank=16, num_blocks=3, num_item_blocks=2, max_iter=5)
    given = ["users=1e3", "items=200", "interactions=5_000", "domains=2"]
    assert plan_from_arguments(given, model) == plan(
        1000, 200, 5000, domains=2, rank=16, blocks=3, item_blocks=2, kept=5
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["users=1"], "wants items=NUMBER, interactions=NUMBER"),
        (["users=many"], "users is 'many', but must be a whole number"),
        (["user=1"], "did you mean 'users'"),
    ],
)
def test_wrong_numbers_of_the_command_line(given: list[str], message: str) -> None:
    with pytest.raises(CDIMFError, match=message):
        plan_from_arguments(given, ModelConfig())


def test_the_job_prints_the_plan_and_starts_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "job_session", None)
    numbers = ["users=33333", "items=3333", "interactions=1e6", "domains=3"]
    assert run(lambda: train.main(["--plan", *numbers, "--set", "rank=32"])) == 0
    sizes = plan(33333, 3333, 10**6, domains=3, rank=32, kept=10)
    assert capsys.readouterr().out == plan_text(sizes) + "\n"
