#!/usr/bin/env python3
"""Evaluate a trained model on held-out interactions: HR, NDCG, MAP, MRR, coverage and more."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.evaluate import main

if __name__ == "__main__":
    raise SystemExit(run(main))
