"""Memory as the processor likes it: rows that start with a cache line, and rows fetched ahead.

Half-steps read source rows in the order of column numbers. From some ten megabytes of them on, no
cache holds most of what comes next, and waiting for each is an eighth to a quarter of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

_LINE = 64  # bytes that come at once
_HINTS = (0, 3, 1)  # of LLVM's prefetch: to read, to keep in all caches, data


def aligned_rows(n: int, d: int) -> NDArray[np.float32]:
    """Uninitialised float32 (n, d) that starts with a cache line.

    A vector register that is loaded across two lines takes twice the time: a fifth of a half-step.
    """
    memory = np.empty(4 * n * d + _LINE, np.uint8)
    first = -memory.ctypes.data % _LINE
    return memory[first : first + 4 * n * d].view(np.float32).reshape(n, d)


def _compile(_: Any, rows: types.Array, number: types.Integer) -> Any:
    """Signature of ``prefetch`` and the function that writes its code."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        matrix = context.make_array(signature.args[0])(context, builder, arguments[0])
        place, flag, pointer = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
        hint = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], hint)
        stride = builder.extract_value(matrix.strides, 0)
        row = builder.add(builder.ptrtoint(matrix.data, place), builder.mul(stride, arguments[1]))
        lines = builder.udiv(builder.add(stride, place(_LINE - 1)), place(_LINE))
        with cgutils.for_range(builder, lines) as loop:
            line = builder.add(row, builder.mul(loop.index, place(_LINE)))
            builder.call(function, [builder.inttoptr(line, pointer), *map(flag, _HINTS)])
        return context.get_dummy_value()

    return types.void(rows, types.int64), generate


if TYPE_CHECKING:

    def prefetch(rows: NDArray[np.float32], number: int) -> None:
        """Ask for row `number` of a C-contiguous matrix: a hint, which changes no value."""
else:
    prefetch = intrinsic(_compile)
