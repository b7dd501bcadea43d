#!/usr/bin/env python3
"""Search for good options of the model on a validation set, and write the best ones as YAML."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.tune import AFTER_INTERRUPT, main

if __name__ == "__main__":
    raise SystemExit(run(main, AFTER_INTERRUPT))
