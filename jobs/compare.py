#!/usr/bin/env python3
"""Compare a trained model with baselines on held-out interactions: where sharing helps or hurts."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.compare import main

if __name__ == "__main__":
    raise SystemExit(run(main))
