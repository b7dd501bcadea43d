"""Texts as arrays of bytes, for packed rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.lists import offsets_of


def pack_texts(texts: pa.Array | pa.ChunkedArray, kind: str) -> dict[str, NDArray[Any]]:
    """Texts as packed rows of the kinds `kind`_bytes and `kind`_lengths."""
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    lengths = [pc.binary_length(chunk).to_numpy() for chunk in chunks if len(chunk)]
    data = [_bytes_of(chunk) for chunk in chunks if len(chunk)]
    return {
        f"{kind}_lengths": np.concatenate([np.empty(0, np.int32), *lengths]),
        f"{kind}_bytes": np.concatenate([np.empty(0, np.uint8), *data]),
    }


def unpack_texts(arrays: dict[str, NDArray[Any]], kind: str) -> pa.Array:
    """Texts from what `pack_texts` returned."""
    lengths, data = arrays[f"{kind}_lengths"], arrays[f"{kind}_bytes"]
    offsets = pa.py_buffer(offsets_of(lengths).astype(np.int32))
    return pa.StringArray.from_buffers(len(lengths), offsets, pa.py_buffer(data))


def _bytes_of(texts: pa.Array) -> NDArray[np.uint8]:
    """The bytes of the texts of an array without nulls, of which it may be a part."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    if data is None:
        return np.empty(0, np.uint8)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[1]]
