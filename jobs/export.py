#!/usr/bin/env python3
"""Export a model for serving: arrays for Python without Spark, or tables for a vector index."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.export import main

if __name__ == "__main__":
    raise SystemExit(run(main))
