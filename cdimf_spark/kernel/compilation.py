"""How the numeric loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., object])
Number = TypeVar("Number", bound=np.generic)

# Sums may be reordered (vectorised) and fused, but infinities and NaN keep their meaning: a row
# that breaks down is recognised by them.
_FAST_MATH = {"reassoc", "contract", "nsz", "arcp"}


def compiled(function: Function) -> Function:
    """Compile `function` on its first call, kept in numba's cache where there is a place for one.

    A read-only installation without a home folder has none; numba then refuses when decorating,
    and compiling anew in each process is the better answer. The cache notices changes of the
    function's own module only, so call no ``inlined`` function of another module.
    """
    try:
        return cast(Function, numba.njit(cache=True, nogil=True, fastmath=_FAST_MATH)(function))
    except RuntimeError:
        return cast(Function, numba.njit(nogil=True, fastmath=_FAST_MATH)(function))


def inlined(function: Function) -> Function:
    """Mark `function` as a part of the compiled functions that use it.

    Without this, a process that compiles would run the helper as compiled by itself, and a process
    that loads the cache would run the copy that was optimised with its caller: sums in another
    order, other last bits. A resumed run must give the same bits as the one that was interrupted.
    """
    return cast(Function, numba.njit(inline="always", nogil=True, fastmath=_FAST_MATH)(function))


def plain_array(values: NDArray[Any], dtype: type[Number]) -> NDArray[Number]:
    """Contiguous and writable `values` for compiled functions, copied only where they are not.

    For read-only arrays (bytes of a table) numba would compile everything once more.
    """
    return np.require(values, dtype, ["C", "W"])
