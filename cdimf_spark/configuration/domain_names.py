"""Which names a domain may have: they become values of partitions and parts of paths."""

import re

from cdimf_spark.errors import ConfigurationError


def check_domain_name(name: object) -> None:
    """Raise ConfigurationError for a name that cannot be a part of paths everywhere.

    Other letters than those of ASCII are refused: a Java machine without a locale, as many
    containers have it, writes each of them as a question mark into the names of local files, and
    domains whose names have equal lengths would share a folder.
    """
    if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        return
    others = re.findall(r"[^A-Za-z0-9_.-]", name) if isinstance(name, str) else []
    found = f" has {', '.join(map(repr, dict.fromkeys(others)))}:" if others else ":"
    raise ConfigurationError(
        f"domain name {name!r}{found} use the letters A to Z and a to z without accents, digits 0 "
        "to 9, '_', '-' and '.', starting with a letter or digit (the name becomes a part of paths)"
    )
