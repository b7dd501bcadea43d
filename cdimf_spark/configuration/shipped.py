"""Files that ship with the package: Spark's settings and example configurations."""

from __future__ import annotations

from pathlib import Path

import cdimf_spark


def settings_folder() -> Path:
    """The folder ``conf`` of the package (in a clone: a link to that of the repository)."""
    return Path(cdimf_spark.__file__).parent / "conf"
