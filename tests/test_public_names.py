"""The public names: what type checkers see of them, and what is said where Spark is missing."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cdimf_spark
from cdimf_spark.errors import CDIMFError, MissingPackageError
from tests.conftest import ROOT

SCRIPT = """\
from cdimf_spark import CDIMF, CDIMFModel, ServingModel, build_session, prepare, tune
import pandas as pd

spark = build_session()
cdimf = CDIMF("models/shops", rank=32)
reveal_type(cdimf)
frame = pd.DataFrame({"user_id": ["u"], "item_id": ["i"]})
model = cdimf.fit({"sport": frame, "cloth": "cloth.csv"}, verbose=False)
reveal_type(model)
reveal_type(model.recommend("sport", users=["u"], k=3))
reveal_type(CDIMFModel.load("models/shops"))
reveal_type(ServingModel.open("exports/shops"))
reveal_type(prepare({"sport": frame}).report)
reveal_type(tune({"sport": frame}, output="tuning").options)
CDIMF("models/shops", regparam=3)
CDIMF()
model.recommend(5)
"""
REVEALED = (
    "cdimf_spark.distributed.estimator.CDIMF",
    "cdimf_spark.distributed.model.CDIMFModel",
    "pyspark.sql.dataframe.DataFrame",
    "cdimf_spark.distributed.model.CDIMFModel",
    "cdimf_spark.serving.serving_model.ServingModel",
    "dict[str, Any]",
    "dict[str, Any]",
)


@pytest.mark.slow
def test_a_users_script_is_type_checked(tmp_path: Path) -> None:
    """Every public name was `Any`: an editor knew nothing, and a mistake was found by nobody."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "mypy", "--config-file", "setup.cfg", str(script)]
    command += ["--cache-dir", str(ROOT / ".mypy_cache")]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = ended.stdout.splitlines()
    revealed = [line.split('"')[1] for line in lines if "Revealed type" in line]
    assert [name.replace("builtins.", "") for name in revealed] == list(REVEALED)
    errors = [line.partition(": error: ")[2] for line in lines if ": error: " in line]
    assert len(errors) == 3, ended.stdout
    assert 'expected "Never"' in errors[0]
    assert 'Missing positional argument "output"' in errors[1]
    assert 'incompatible type "int"; expected "str"' in errors[2]


def test_type_checkers_and_users_see_the_same_names() -> None:
    source = Path(cdimf_spark.__file__).read_text()
    for name, module in cdimf_spark._MODULES.items():
        assert name in cdimf_spark.__all__
        assert f"    from {module} import " in source
        assert getattr(cdimf_spark, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'CDMF'"):
        _ = cdimf_spark.CDMF  # type: ignore[attr-defined]


def test_without_spark_an_error_says_what_to_install() -> None:
    """It was a bare ModuleNotFoundError."""
    code = (
        "import sys; sys.modules['pyspark'] = None\n"
        "from cdimf_spark.errors import CDIMFError\n"
        "try:\n    from cdimf_spark import CDIMF\n"
        "except CDIMFError as error:\n    assert isinstance(error, ImportError)\n    print(error)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert ended.stdout.startswith("cdimf_spark.CDIMF needs Spark: pip install pyspark==")


def test_the_versions_to_install_are_those_of_the_extra() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    pins = settings["options.extras_require"]["spark"].split()
    error = MissingPackageError("cdimf_spark.CDIMF", "Spark", "spark")
    assert f"pip install {' '.join(pins)}" in str(error)
    assert isinstance(error, CDIMFError)
