"""Cross-domain implicit matrix factorization with consensus ADMM on Apache Spark.

The names below are imported on first use, so that `LocalCDIMF`, `ServingModel`,
``cdimf_spark.kernel`` and ``cdimf_spark.solver`` work without Spark.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

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
    "pooled_als": "cdimf_spark.distributed.baselines.pooled",
    "popularity": "cdimf_spark.distributed.baselines.baselines",
    "separate_als": "cdimf_spark.distributed.baselines.baselines",
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
    "pooled_als",
    "popularity",
    "prepare",
    "prepare_from_config",
    "separate_als",
    "tune",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'cdimf_spark' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
