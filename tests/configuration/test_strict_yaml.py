"""What is wrong with a YAML file is one line that says where, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdimf_spark.configuration.config import load_config
from cdimf_spark.errors import ConfigurationError


def test_a_tab_in_yaml_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("rank: 3\ndomains:\n\tsport: a.csv\n")
    with pytest.raises(ConfigurationError, match=r"line 3, column 1: .*not with tabs$") as found:
        load_config(str(path))
    assert "\n" not in str(found.value)
