"""A layer that puts piecewise-linear functions of numbers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from fastnn.inputs.arrays import as_array
from fastnn.inputs.settings import ABOVE_0, check_count, set_number
from fastnn.kernels import codes
from fastnn.layers.base import Layer

LARGEST = np.float64(1e37)
"""Differences of larger numbers may be none that a float32 can hold. A float16 cannot hold this."""
Columns = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, repr=False)
class PiecewiseLinearEncoding(Layer):
    """Beside numbers, piecewise-linear functions of each between its knots: (B, n) -> (B, n + m).

    After Gorishniy et al. 2022, arXiv 2203.05556, written as linear B-splines: to each knot of a
    column belongs a function that is `height` there, 0 at the knots next to it and beyond them, and
    linear between; below the first knot and above the last one theirs stays at `height`. A product
    of these with weights is any function of the number that bends at its knots, which a network of
    plain numbers learns slowly. The numbers come first, as they are, then the functions, column by
    column. Nothing of it is learned: knots are given, or taken from rows to train on by `of`.

    Only as the first layer, or right after a `Standardize`, whose scaled numbers it then reads.

    Parameters
    ----------
    knots : sequence of sequences of numbers
        For each column of the input its knots, two or more that ascend, or none: such a column has
        no functions. They must be apart as float32 numbers, and within 1e37 of 0.
    height : float, default 1
        The largest value of each function. `preset="tabular"` has 2: each function of 8 bins of as
        many rows then has a deviation of about a half, where scaled numbers have 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, PiecewiseLinearEncoding, ReLU, Sequential
    >>> X = np.linspace(-3, 3, 400)[:, None]
    >>> encoding = PiecewiseLinearEncoding.of(X, bins=8)
    >>> encoding
    PiecewiseLinearEncoding(9 knots)
    >>> model = Sequential([encoding, Dense(32), ReLU(), Dense(1)], seed=0)
    >>> model.compile("adam", "mse")
    >>> history = model.fit(X, np.sin(4 * X), epochs=200, batch_size=32, verbose=0)
    >>> history["loss"][-1] < 0.05
    True
    """

    knots: Columns
    height: float = 1.0
    kind: ClassVar[int] = codes.PIECEWISE
    backward_reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "knots", _columns(self.knots))
        set_number(self, "height", ABOVE_0)
        if self.height > LARGEST:
            raise ValueError(
                f"{self.name}(height={self.height:g}): expected no more than {LARGEST:g}, for "
                "networks compute in float32; 1 or 2 suits most"
            )

    @classmethod
    def of(cls, X: Any, bins: int = 8, height: float = 1.0) -> "PiecewiseLinearEncoding":
        """One whose knots cut each column of X (rows, n) into so many parts of as many rows.

        Knots at the same number count once: a column of few values has one at each of them or
        fewer, and one of two values, or of one, none. NaN are left out.

        Examples
        --------
        >>> import numpy as np
        >>> from fastnn import PiecewiseLinearEncoding
        >>> X = np.column_stack([np.arange(101), np.arange(101) % 2])
        >>> PiecewiseLinearEncoding.of(X, bins=4).knots
        ((0.0, 25.0, 50.0, 75.0, 100.0), ())
        """
        check_count(bins, "bins", 2)
        rows = as_array(X, "X")
        if rows.ndim != 2 or not rows.size:
            raise ValueError(f"X has shape {rows.shape}; expected (rows, n), one row a sample")
        if np.isinf(rows).any():
            raise ValueError("X holds inf; expected finite numbers, or NaN where one is missing")
        large = np.abs(rows) > LARGEST
        if large.any():
            raise ValueError(
                f"X holds {rows[large][0]:g}; expected numbers within {LARGEST:g} of 0: rescale "
                "such columns"
            )
        return cls(tuple(_quantiles(column, bins) for column in rows.T), height)

    def __repr__(self) -> str:
        """How many knots there are: the call that makes it is long."""
        height = "" if self.height == 1 else f", height={self.height:g}"
        n = sum(map(len, self.knots))
        of = "" if len(self.knots) == 1 else f" for {len(self.knots)} columns"
        return f"{self.name}({n} knots{of}{height})"

    @property
    def alpha(self) -> float:
        return self.height

    def n_out(self, n_in: int) -> int:
        if n_in != len(self.knots):
            raise ValueError(
                f"{self!r} has knots for {len(self.knots)} columns, but its input has {n_in}: give "
                "each column its knots, or () to leave it as it is"
            )
        return n_in + sum(map(len, self.knots))

    def n_in(self, n_out: int) -> int:
        return len(self.knots)

    def origin(self, column: int, n_in: int) -> int | None:
        return column if column < n_in else None

    def sides(self) -> tuple[np.ndarray, ...]:
        """What each function is made of, (m,) each: max(0, min(1, rise, fall)) of its column x.

        The column; left and width of rise = (x - left) / width, and 1 where there is no rise, for
        it is 1 there, else 0, with any left and width; the same three of fall = (right - x) /
        width.
        """
        found = [
            (j, before, (at - before) or 1, k == 0, after, (after - at) or 1, k == len(own) - 1)
            for j, own in enumerate(self.knots)
            for k, at in enumerate(own)
            for before in [own[k - 1] if k else at]
            for after in [own[k + 1] if k < len(own) - 1 else at]
        ]
        columns = np.array(found, np.float64).reshape(-1, 7).T
        return columns[0].astype(np.int64), *columns[1:]

    @cached_property
    def ends(self) -> np.ndarray:
        """Where the knots of each column begin and end, (n + 1,), among those of all."""
        return np.cumsum([0, *map(len, self.knots)], dtype=np.int64)


def _columns(given: Any) -> Columns:
    """The knots of each column, checked."""
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray) or not len(given):
        raise ValueError(
            f"PiecewiseLinearEncoding(knots={given!r:.60}): expected a sequence of knots for each "
            "column, such as ((0.0, 1.0, 2.0), ()); PiecewiseLinearEncoding.of(X) takes them from "
            "rows"
        )
    return tuple(_column(own, k) for k, own in enumerate(given))


def _column(given: Any, k: int) -> tuple[float, ...]:
    knots = as_array(given, f"knots[{k}]", "give numbers")
    fits = knots.ndim == 1 and len(knots) != 1 and bool((np.abs(knots) <= LARGEST).all())
    if not (fits and (np.diff(knots.astype(np.float32)) > 0).all()):
        raise ValueError(
            f"knots[{k}] is {given!r:.60}; expected two or more numbers that ascend, apart as "
            f"float32 and within {LARGEST:g} of 0, or none"
        )
    return tuple(knots.astype(float).tolist())


def _quantiles(column: np.ndarray, bins: int) -> tuple[float, ...]:
    # Of yes and no, and of small integers, there are no differences.
    known = column[~np.isnan(column)].astype(np.float64)
    if not len(known):
        return ()
    # Knots that a float32 cannot tell apart are one.
    found = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)).astype(np.float32))
    return tuple(found.tolist()) if len(found) > 2 else ()
