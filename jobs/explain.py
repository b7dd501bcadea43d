#!/usr/bin/env python3
"""Say what scores are made of: the user's own items, the consensus of the domains, and more."""

from __future__ import annotations

from cdimf_spark.cli.command_line import run
from cdimf_spark.cli.commands.explain import main

if __name__ == "__main__":
    raise SystemExit(run(main))
