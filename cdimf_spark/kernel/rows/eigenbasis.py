"""Gram matrices and their eigenbases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Float64 = NDArray[np.float64]

# Rows converted to float64 at a time.
_CHUNK_ROWS = 1024
# Above this condition number of the shared part, components of rows in the weak directions of G
# are small differences of large numbers: rotate in float64.
_FLOAT32_CONDITION = 1e3


@dataclass(frozen=True)
class GramBasis:
    """Eigenbasis of a Gram matrix G = Q diag(l) Q'.

    Attributes
    ----------
    eigenvalues : float64 (d,)
        l, ascending, none negative.
    vectors : float64 (d, d)
        Q, an eigenvector a column.
    """

    eigenvalues: Float64
    vectors: Float64


def gram(factors: Matrix, row_weights: Vector | None = None) -> Float64:
    """Gram matrix sum_i v_i y_i y_i', accumulated in float64.

    Parameters
    ----------
    factors : float32 (n, d)
        Rows y_i.
    row_weights : float32 (n,), optional
        Weights v_i, not negative; 1 if absent.

    Returns
    -------
    float64 (d, d)
        Symmetric.
    """
    total = np.zeros((factors.shape[1], factors.shape[1]))
    for start in range(0, len(factors), _CHUNK_ROWS):
        rows = factors[start : start + _CHUNK_ROWS].astype(np.float64)
        if row_weights is not None:
            rows *= np.sqrt(row_weights[start : start + _CHUNK_ROWS].astype(np.float64))[:, None]
        # A matrix times its own transpose is one dsyrk: symmetric to the last bit.
        total += rows.T @ rows
    return total


def gram_basis(gram: Float64) -> GramBasis:
    """Eigenbasis of a Gram matrix.

    Parameters
    ----------
    gram : float64 (d, d)
        Symmetric, positive semidefinite up to rounding.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not finite.
    """
    if not np.isfinite(gram).all():
        raise np.linalg.LinAlgError("the Gram matrix of the source factors is not finite")
    eigenvalues, vectors = np.linalg.eigh(gram)
    # G has no negative eigenvalue; what eigh shows below zero is rounding.
    return GramBasis(np.maximum(eigenvalues, 0.0), vectors)


def needs_float64(diagonal: Float64, shift: Float64) -> bool:
    """Whether the shared part is so ill-conditioned that float32 rotations would show."""
    least = diagonal.min() + shift.min(initial=np.inf)
    return bool(diagonal.max() > _FLOAT32_CONDITION * least)


def rotate(rows: Matrix, vectors: Float64, exact: bool) -> Matrix:
    """Rows @ vectors as float32, computed in float64 if `exact`."""
    if not exact:
        rotated: Matrix = np.ascontiguousarray(rows, np.float32) @ vectors.astype(np.float32)
        return rotated
    result = np.empty(rows.shape, np.float32)
    for start in range(0, len(rows), _CHUNK_ROWS):
        result[start : start + _CHUNK_ROWS] = rows[start : start + _CHUNK_ROWS] @ vectors
    return result


def column_squares(rows: Matrix) -> Float64:
    """Sum of squares of each column, in float64."""
    total = np.zeros(rows.shape[1])
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk = rows[start : start + _CHUNK_ROWS].astype(np.float64)
        total += np.einsum("ij,ij->j", chunk, chunk)
    return total
