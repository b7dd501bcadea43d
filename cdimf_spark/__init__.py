"""Cross-domain implicit matrix factorization with consensus ADMM on Apache Spark.

The names below are imported on first use, so that `LocalCDIMF`, `ServingModel`,
``cdimf_spark.kernel`` and ``cdimf_spark.solver`` work without Spark.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# What type checkers see; at run time `__getattr__` imports a name when it is used.
if TYPE_CHECKING:
    from cdimf_spark.distributed.estimator import CDIMF
    from cdimf_spark.distributed.model import CDIMFModel
    from cdimf_spark.distributed.preparation.prepared import prepare, prepare_from_config
    from cdimf_spark.distributed.session import build_session
    from cdimf_spark.distributed.tuning.tune import tune
    from cdimf_spark.local.estimator import LocalCDIMF
    from cdimf_spark.local.model import LocalCDIMFModel
    from cdimf_spark.preparation.prepare_config import PrepareConfig
    from cdimf_spark.preparation.prepare_options import PrepareOptions
    from cdimf_spark.serving.serving_model import ServingModel

__version__ = "0.1.0"

_MODULES = {
    "CDIMF": "cdimf_spark.distributed.estimator",
    "CDIMFModel": "cdimf_spark.distributed.model",
    "LocalCDIMF": "cdimf_spark.local.estimator",
    "LocalCDIMFModel": "cdimf_spark.local.model",
    "ServingModel": "cdimf_spark.serving.serving_model",
    "build_session": "cdimf_spark.distributed.session",
    "PrepareConfig": "cdimf_spark.preparation.prepare_config",
    "PrepareOptions": "cdimf_spark.preparation.prepare_options",
    "prepare": "cdimf_spark.distributed.preparation.prepared",
    "prepare_from_config": "cdimf_spark.distributed.preparation.prepared",
    "tune": "cdimf_spark.distributed.tuning.tune",
}

__all__ = [
    "CDIMF",
    "CDIMFModel",
    "LocalCDIMF",
    "LocalCDIMFModel",
    "PrepareConfig",
    "PrepareOptions",
    "ServingModel",
    "build_session",
    "prepare",
    "prepare_from_config",
    "tune",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# Not for type checkers: to them a name that is not above is an error, not anything.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'cdimf_spark' has no attribute {name!r}")
        try:
            return getattr(import_module(_MODULES[name]), name)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in ("pyspark", "py4j"):
                raise
            from cdimf_spark.errors import MissingPackageError

            raise MissingPackageError(f"cdimf_spark.{name}", "Spark", "spark") from None
