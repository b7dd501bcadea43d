"""Where the published Amazon pairs are, and the mark of tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CDIMF_DATA", ROOT.parent / "shared" / "data" / "amazon"))
needs_amazon = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no Amazon pairs in {DATA}: set CDIMF_DATA to their folder"
)
