"""May this file be written? Jobs write single files beside tables: ``--json``, ``--plot``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.folders import what_it_is
from cdimf_spark.results.overlaps import refuse_overlap
from cdimf_spark.results.places import input_places, place_of, working_folder


def check_file(path: str | None, option: str, inputs: Mapping[str, str | None]) -> None:
    """Raise ConfigurationError, before any work, if a file cannot or must not be written.

    A plain file that is there is overwritten, unless it is read, or lies in a model, in another
    result, or in a table.

    Parameters
    ----------
    path : str or None
        A path of this machine; None: nothing is to be written.
    option : str
        What names the path: ``--json``.
    inputs : mapping of str to str
        Paths that the job reads, by what messages call them.
    """
    if not path:
        return
    here = working_folder()
    place = place_of(path, here)
    if place.local is None:
        raise ConfigurationError(f"{option} {path}: this file is written to a local folder")
    folder = place.local.parent
    if not folder.is_dir():
        raise ConfigurationError(f"{option} {path}: there is no folder {str(folder)!r}")
    named = [
        (name, one) for name, given in inputs.items() if given for one in input_places(given, here)
    ]
    refuse_overlap(place, named, option)
    real = Path(os.path.realpath(place.local))
    if real.exists() and not real.is_file():
        raise ConfigurationError(f"{option} {path}: it exists and is no file")
    for above in real.parents:
        found = what_it_is(above)
        if found is not None:
            raise ConfigurationError(
                f"{option} {path} lies inside {str(above)!r}, which is {found}: name a file "
                "outside of it"
            )
