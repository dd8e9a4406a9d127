"""Layers that put several numbers in the place of one: Embedding, PeriodicEmbedding."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnn.inputs.settings import ABOVE_0, Range, set_count, set_number
from fastnn.kernels import codes
from fastnn.layers.base import Layer

MOST_CATEGORIES = 2**24


@dataclass(frozen=True, repr=False)
class Embedding(Layer):
    """A row of a learned table, for each code of a category: (B, n) -> (B, n - 1 + size).

    The code c in one column of the input becomes row c of a table (categories, size); the other
    columns are handed on. What is no code becomes zeros: give -1 to what is missing, and to
    categories that training has not seen; `fit` refuses rows with fractions there, or with codes
    from `categories` on. One layer for each column of codes, before all layers but other
    embeddings; a column behind it has moved by size - 1. Categories that are few may have a column
    of 0 and 1 each instead, as ``preset="tabular"`` does. Neither decay nor penalties touch the
    table.

    Parameters
    ----------
    categories : int
        Codes are 0 .. categories - 1, at most 2^24.
    size : int
        How many numbers one becomes; RealMLP-TD has 8 for 9 categories and more.
    column : int, default 0
        Where the codes are.
    rate : float, default 1
        Factor of the learning rate.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Adam, Dense, Embedding, Sequential
    >>> rng = np.random.default_rng(0)
    >>> worth = rng.normal(size=50)
    >>> codes = rng.integers(0, 50, 1000)
    >>> model = Sequential([Embedding(50, 4), Dense(1)], seed=0)
    >>> model.compile(Adam(0.01), "mse")
    >>> history = model.fit(codes[:, None], worth[codes], epochs=50, batch_size=32, verbose=0)
    >>> history["loss"][-1] < 0.01
    True
    """

    categories: int
    size: int
    column: int = 0
    rate: float = 1.0
    kind: ClassVar[int] = codes.EMBEDDING
    backward_reads: ClassVar[str] = "x"
    n_arrays: ClassVar[int] = 1

    def __post_init__(self) -> None:
        set_count(self, "categories")
        if self.categories > MOST_CATEGORIES:
            raise ValueError(
                f"Embedding(categories={self.categories}): expected at most {MOST_CATEGORIES}, for "
                "a float32 holds no larger codes; put rare categories together"
            )
        set_count(self, "size")
        set_count(self, "column", 0)
        set_number(self, "rate", Range(0))

    def rates(self, n_in: int) -> tuple[float, float]:
        return self.rate, self.rate

    def n_out(self, n_in: int) -> int:
        if self.column >= n_in:
            raise ValueError(
                f"{self!r} reads codes in column {self.column}, but its input has {n_in}, from 0 "
                f"to {n_in - 1}: give another column"
            )
        return n_in - 1 + self.size

    def n_in(self, n_out: int) -> int:
        return n_out + 1 - self.size

    def origin(self, column: int, n_in: int) -> int | None:
        if column < self.column:
            return column
        behind = column - (self.size - 1)
        return behind if behind > self.column else None

    def parameters(self, n_in: int, members: int = 1) -> dict[str, tuple[int, ...]]:
        return {"table": (self.categories, self.size)}

    def draw(self, name: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Start values of the table: normal, of deviation 1."""
        return rng.normal(size=shape)


@dataclass(frozen=True, repr=False)
class PeriodicEmbedding(Layer):
    """Each number x becomes (x, b + cos(2 pi w x + phase) V): itself, and learned waves of it.

    PBLD of RealMLP-TD (Holzmueller et al. 2024, arXiv 2407.04491), after Gorishniy et al. 2022,
    arXiv 2203.05556: with waves a network follows functions that bend often, which one of the plain
    number learns slowly. Each number has `frequencies` many w and phases of its own, and a V
    (frequencies, size - 1) and b, the V one below the other; what it becomes stands where it
    stood. So B rows of n numbers become (B, n size). Numbers should be scaled before, to about a
    deviation of 1: by `Standardize`, or as `preset="tabular"` does. Neither decay nor penalties
    touch what it learns.

    Parameters
    ----------
    size : int, default 4
        How many numbers one becomes, at least 2.
    frequencies : int, default 16
        Waves of each number.
    sigma : float, default 0.1
        Deviation of the normal distribution that w is drawn from: 0.1 is a wave in ten units.
        More lets the network bend more often, and learn noise.
    rate : float, default 1
        Factor of the learning rate; RealMLP-TD has 0.1.
    start : int, default 0
        The first column that is embedded.
    stop : int, optional
        The first column after those. By default all from `start` on are embedded; the others, such
        as codes of 0 and 1, are handed on as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, PeriodicEmbedding, ReLU, Sequential, Standardize
    >>> layers = [Standardize(), PeriodicEmbedding(sigma=0.5), Dense(32), ReLU(), Dense(1)]
    >>> X = np.linspace(-3, 3, 400)[:, None]
    >>> model = Sequential(layers, seed=0)
    >>> model.compile("adam", "mse")
    >>> history = model.fit(X, np.sin(4 * X), epochs=200, batch_size=32, verbose=0)
    >>> history["loss"][-1] < 0.05
    True
    """

    size: int = 4
    frequencies: int = 16
    sigma: float = 0.1
    rate: float = 1.0
    start: int = 0
    stop: int | None = None
    kind: ClassVar[int] = codes.PERIODIC
    backward_reads: ClassVar[str] = "x"
    n_arrays: ClassVar[int] = 4

    def __post_init__(self) -> None:
        set_count(self, "size", 2)
        set_count(self, "frequencies")
        set_number(self, "sigma", ABOVE_0)
        set_number(self, "rate", Range(0))
        set_count(self, "start", 0)
        if self.stop is not None:
            set_count(self, "stop", self.start + 1)

    def rates(self, n_in: int) -> tuple[float, float]:
        return self.rate, self.rate

    def embedded(self, n_in: int) -> int:
        """How many of so many numbers are embedded."""
        stop = n_in if self.stop is None else self.stop
        if not self.start < stop <= n_in:
            raise ValueError(
                f"{self!r} embeds columns {self.start} to {max(stop, self.start + 1) - 1}, but its "
                f"input has {n_in}, from 0 to {n_in - 1}: give another start and stop"
            )
        return stop - self.start

    def n_out(self, n_in: int) -> int:
        return n_in + self.embedded(n_in) * (self.size - 1)

    def n_in(self, n_out: int) -> int:
        more = self.size - 1
        if self.stop is not None:
            return n_out - (self.stop - self.start) * more
        return (n_out + self.start * more) // self.size

    def origin(self, column: int, n_in: int) -> int | None:
        if column < self.start:
            return column
        n = self.embedded(n_in)
        j, wave = divmod(column - self.start, self.size)
        if j >= n:
            return column - n * (self.size - 1)
        return None if wave else self.start + j

    def parameters(self, n_in: int, members: int = 1) -> dict[str, tuple[int, ...]]:
        n, more = self.embedded(n_in), self.size - 1
        waves, linear = (n, self.frequencies), (n * self.frequencies, more)
        return {"frequency": waves, "phase": waves, "linear": linear, "b": (n, more)}

    def draw(self, name: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Start values of one of its arrays."""
        if name == "frequency":
            return rng.normal(0.0, self.sigma, shape)
        bound = np.pi if name == "phase" else self.frequencies**-0.5
        return rng.uniform(-bound, bound, shape)
