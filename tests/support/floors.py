"""The rooms of the package, from the ground up."""

from __future__ import annotations

# Rooms (folders, or single modules) from the ground up. A room may use its own modules and those of
# the floors below; rooms of one floor do not know each other.
FLOORS = (
    ("wording",),
    ("errors", "schemas", "progress", "arrow_schemas"),
    ("input_errors",),
    ("configuration", "results"),
    ("kernel",),
    ("solver",),
    ("scoring", "serving"),
    ("evaluation", "audit"),
    ("demonstration_data",),
    ("preparation", "tuning", "federation"),
    ("reports",),
    ("local",),
    (
        "distributed.session",
        "distributed.cluster",
        "distributed.workers",
        "distributed.worker_daemon",
    ),
    ("distributed.blocks",),
    ("distributed.output",),
    ("distributed.failures",),
    ("distributed.input",),
    ("distributed.preparation",),
    ("distributed.training",),
    ("distributed.federation",),
    ("distributed.scoring",),
    ("distributed.recommendation",),
    ("distributed.evaluation",),
    ("distributed.scorer",),
    ("distributed.published",),
    ("distributed.baselines",),
    ("distributed.fold_in",),
    ("distributed.export",),
    ("distributed.model",),
    ("distributed.opening", "distributed.estimator"),
    ("distributed.demonstration", "distributed.tuning"),
    ("distributed.federation_demonstration",),
    ("cli",),
    ("__main__",),
)
