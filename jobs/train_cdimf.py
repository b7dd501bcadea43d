#!/usr/bin/env python3
"""Train CDIMF on the interactions of one or more domains, or show it on demonstration data."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.train import AFTER_INTERRUPT, main

if __name__ == "__main__":
    raise SystemExit(run(main, AFTER_INTERRUPT))
