#!/usr/bin/env python3
"""Make factors of users or items from new interactions, without training."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.fold_in import main

if __name__ == "__main__":
    raise SystemExit(run(main))
