#!/usr/bin/env python3
"""Recommend the best items of a domain to its users, or to a list of users."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.recommend import main

if __name__ == "__main__":
    raise SystemExit(run(main))
