"""Two domains with the same data: a slip of the hand far more often than a wish."""

from __future__ import annotations

import logging
import os
import posixpath
import re
from collections.abc import Mapping
from itertools import combinations

from cdimf_spark.distributed.input.content import Content
from cdimf_spark.distributed.input.how_read import Reading

logger = logging.getLogger(__name__)


def warn_of_same_data(readings: Mapping[str, Reading], contents: Mapping[str, Content]) -> None:
    """Log a warning for every two domains that are read from one place, or have equal rows."""
    for one, other in combinations(contents, 2):
        first, second = readings[one], readings[other]
        if first.is_stored and second.is_stored and same_place(first.source, second.source):
            same = "are read from one place"
        elif contents[one] == contents[other]:
            same = "have equal rows"
        else:
            continue
        logger.warning(
            "domains %s and %s %s (%r, %r): is one of the paths wrong?",
            *(one, other, same, first.source, second.source),
        )


def same_place(one: str, other: str) -> bool:
    """Tell whether two paths lead to one place, as far as their text and local links show."""
    return _place(one) == _place(other)


def _place(path: str) -> str:
    """Return one spelling of a path."""
    path = re.sub(r"^file:/*(?=/)", "", path.strip())
    scheme = re.match(r"([A-Za-z][\w+.-]*)://([^/]*)", path)
    if scheme is None:
        return os.path.realpath(path)
    return f"{scheme[1].lower()}://{scheme[2]}{posixpath.normpath('/' + path[scheme.end() :])}"
