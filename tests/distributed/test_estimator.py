"""The estimator as an object: its options are those of `ModelConfig`, spelt out."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.distributed.estimator import CDIMF
from cdimf_spark.errors import ConfigurationError, UnknownKeyError, ValueOutOfRangeError
from tests.support.option_docs import docstring_section, type_name


def test_the_signature_has_every_option_with_its_type_and_default() -> None:
    found = {
        name: (parameter.annotation, parameter.default)
        for name, parameter in inspect.signature(CDIMF).parameters.items()
        if name not in ("output", "federation", "unknown")
    }
    assert found == {
        entry.name: (type_name(entry.type), entry.default) for entry in fields(ModelConfig)
    }


def test_the_docstring_has_every_option_with_its_meaning() -> None:
    assert docstring_section(ModelConfig) in (CDIMF.__doc__ or "")


def test_every_option_arrives() -> None:
    given: dict[str, Any] = {"rank": 7, "loss_tol": 0.5, "schedule": "paper", "num_blocks": 3}
    assert CDIMF("m", **given).config.model == ModelConfig(**given)
    assert CDIMF(Path("a/m")).config.output == "a/m"
    private = {"terms": "t.yaml", "party": "sport", "meeting_place": "place", "key_env": "KEY"}
    federation = CDIMF("m", federation=private).config.federation
    assert federation is not None
    assert (federation.party, federation.key_env, federation.key_file) == ("sport", "KEY", None)


def test_a_representation_shows_what_differs_from_the_defaults() -> None:
    assert repr(CDIMF("models/shops")) == "CDIMF('models/shops')"
    shown = repr(CDIMF("models/shops", rank=32, seed=0, schedule="paper"))
    assert shown == "CDIMF('models/shops', rank=32, schedule='paper')"


def test_options_that_cannot_be_used() -> None:
    with pytest.raises(UnknownKeyError, match=r"'regparam' in CDIMF.*did you mean 'reg_param'"):
        CDIMF("m", regparam=3)  # type: ignore[arg-type]
    for options in ({"rank": "many"}, {"rank": [1]}, {"seed": None}, {"proximal": 5}):
        with pytest.raises(ValueOutOfRangeError, match=next(iter(options))):
            CDIMF("m", **options)
    for output in (5, None, "", ["m"]):
        with pytest.raises(ConfigurationError, match="'output'"):
            CDIMF(output)  # type: ignore[arg-type]


def test_no_folder_is_chosen_for_the_user() -> None:
    """`fit` wrote into ``cdimf_model`` in the working folder, without being asked."""
    assert inspect.signature(CDIMF).parameters["output"].default is inspect.Parameter.empty


def test_an_argument_of_fit_is_named_as_one() -> None:
    with pytest.raises(ConfigurationError, match=r"'verbose' is an argument of fit\(\)"):
        CDIMF("m", verbose=False)  # type: ignore[arg-type]
