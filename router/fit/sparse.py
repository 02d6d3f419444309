"""A sparse matrix just large enough for ridge regression over words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_ROUNDS = 60
_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows by columns; three parallel arrays of what is not zero."""

    row: Indices
    column: Indices
    value: Array
    rows: int
    columns: int

    def times(self, vector: Array) -> Array:
        return _sums(self.row, self.value * vector[self.column], self.rows)

    def transposed_times(self, vector: Array) -> Array:
        return _sums(self.column, self.value * vector[self.row], self.columns)

    def take(self, wanted: Indices) -> "Sparse":
        """Only these rows, in this order; each at most once."""
        place = np.full(self.rows, -1, dtype=np.int64)
        place[wanted] = np.arange(len(wanted))
        kept = place[self.row] >= 0
        return Sparse(place[self.row[kept]], self.column[kept], self.value[kept], len(wanted), self.columns)


def _sums(place: Indices, value: Array, size: int) -> Array:
    return np.bincount(place, weights=value, minlength=size).astype(np.float64, copy=False)


def sparse(rows: Sequence[dict[int, float]], columns: int) -> Sparse:
    """Gather rows of column -> value."""
    return Sparse(
        row=np.repeat(np.arange(len(rows), dtype=np.int64), [len(row) for row in rows]),
        column=np.array([column for row in rows for column in row], dtype=np.int64),
        value=np.array([value for row in rows for value in row.values()], dtype=np.float64),
        rows=len(rows),
        columns=columns,
    )


def sparse_ridge(table: Sparse, target: Array, *, penalty: float) -> Array:
    """Weights of the least squares with `penalty` times the squared weights, by conjugate gradients.

    Without an intercept: the target is to have a mean of zero, and TF-IDF columns are near zero nearly everywhere.
    """
    weights = np.zeros(table.columns)
    residual = table.transposed_times(target)
    direction, size = residual.copy(), float(residual @ residual)
    enough = size * _TOLERANCE**2
    for _ in range(_ROUNDS):
        if size <= enough:
            break
        image = table.transposed_times(table.times(direction)) + penalty * direction
        step = size / float(direction @ image)
        weights += step * direction
        residual -= step * image
        before, size = size, float(residual @ residual)
        direction = residual + size / before * direction
    return weights
