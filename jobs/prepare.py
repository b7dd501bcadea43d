#!/usr/bin/env python3
"""Prepare raw events: clean interactions, one id for a person, train, validation and test."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.prepare import main

if __name__ == "__main__":
    raise SystemExit(run(main))
