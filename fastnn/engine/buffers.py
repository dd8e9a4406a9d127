"""Buffers: flat, aligned arrays, and the named views into them."""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn.engine.layout import Layout, Tensor
from fastnn.kernels.codes import STANDARDIZE
from fastnn.kernels.machine import locks

_LINE = 64
_FIRST = ctypes.c_char.from_buffer
"""Bound once: to bind it takes as long as to call it."""


def arena(n: int, dtype: np.dtype) -> np.ndarray:
    """A zeroed vector (n,) that starts on a cache line; pages never touched cost no memory.

    Behind it is a cache line more, for kernels read whole vectors.
    """
    dtype = np.dtype(dtype)
    try:
        raw = np.zeros(n * dtype.itemsize + 2 * _LINE, dtype=np.uint8)
    except (ValueError, OverflowError) as error:
        # So many that NumPy does not even try.
        raise MemoryError(str(error)) from None
    start = -raw.ctypes.data % _LINE
    return raw[start : start + n * dtype.itemsize].view(dtype)


@contextmanager
def explained_memory(layout: Layout, dtype: np.dtype, rows: int = 0) -> Iterator[None]:
    """Where a network, or so many rows in it, take more memory than there is, say which layer."""
    try:
        yield
    except MemoryError as error:
        # Weights come with the optimizer's two slots, and values with their gradients.
        sizes = [2 * rows * width for width in layout.widths[1:]]
        for tensor in layout.parameters:
            sizes[tensor.layer] += 3 * tensor.size
        k = int(np.argmax(np.array(sizes, np.float64)))
        what = f"a batch of {rows} rows" if rows else "the network"
        advice = "make it smaller" + (", or take smaller batches" if rows else "")
        raise MemoryError(
            f"{what} takes about {sum(sizes) * np.dtype(dtype).itemsize / 1e9:,.1f} GB, more "
            f"than there is, most of it for layer {k + 1}, {layout.layers[k]!r} of "
            f"{layout.widths[k]} inputs: {advice}"
        ) from error


def address(array: np.ndarray) -> int:
    """Where an array's first element lies."""
    try:
        # Three times as fast as to ask the array.
        return ctypes.addressof(_FIRST(array))  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        # Read-only, with gaps between its elements, or empty.
        return int(array.__array_interface__["data"][0])


def reported(running: np.ndarray, part: str) -> np.ndarray:
    """What a model reports of a layer's running statistics (3, n), by its name; a copy (n,)."""
    row = 0 if part in ("running_mean", "mean") else 1
    if part == "mean":
        return running[0].astype(np.float64) + running[2]
    if part == "deviation":
        return np.where(running[1] > 0, running[1], running.dtype.type(1))
    trained = running[2] > 0
    # A file may hold any correction; who reads one refuses what is infinite.
    with np.errstate(over="ignore"):
        corrected = running[row] / np.where(trained, running[2], 1)
    return np.where(trained, corrected, running.dtype.type(row))


class State:
    """All that training changes: parameters, the optimizer's slots, running statistics.

    One vector `values`; `copy` and `restore` are copies of it. Who changes it counts that first:
    broken off in between, it leaves no copy of the weights that seems fresh.
    """

    def __init__(self, layout: Layout, dtype: np.dtype) -> None:
        self.layout = layout
        with explained_memory(layout, dtype):
            self.values = arena(layout.n_state, dtype)
        self.changes = 0
        """Counts changes of the values: who keeps a copy sees that it is stale."""
        self.lock = locks.lock()
        """Held while the values are between two steps."""

    def __getstate__(self) -> dict[str, Any]:
        with self.lock:
            fields = {**vars(self), "values": np.array(self.values)}
        del fields["lock"]
        return fields

    def __setstate__(self, fields: dict[str, Any]) -> None:
        vars(self).update(fields)
        self.lock = locks.lock()
        values = self.layout.of_today(fields["values"])
        # A copy need not start on a cache line.
        self.values = arena(len(values), values.dtype)
        self.values[:] = values

    def view(self, tensor: Tensor) -> np.ndarray:
        """One named array, of its own shape, sharing memory."""
        return self.values[tensor.slice].reshape(tensor.shape)

    @property
    def parameters(self) -> np.ndarray:
        """All parameters as one vector; gaps between arrays hold zeros."""
        return self.values[: self.layout.n_parameters]

    @property
    def statistics(self) -> np.ndarray:
        """The running statistics of all layers as one vector."""
        return self.values[3 * self.layout.n_parameters :]

    def running(self, layer: int) -> np.ndarray:
        """The running statistics of a layer, (3, n), sharing memory.

        Of batch norm both averages and their bias correction, which is 0 before any training; of
        Standardize the mean, the deviation, which is 0 as long as it is not fitted, and what the
        mean's type has rounded off.
        """
        tensor = self.layout.tensor(layer, "running")
        if tensor is None:
            raise KeyError(f"layer {layer} keeps no statistics")
        return self.view(tensor)

    def array(self, name: str) -> np.ndarray:
        """An array by its name, such as "0.W"; statistics are copies.

        Running averages come bias-corrected, Standardize's mean in double: it may need more digits
        than the network computes with.
        """
        layer, part = int(name.split(".")[0]), name.split(".")[1]
        tensor = self.layout.tensor(layer, part)
        if tensor is not None:
            return self.view(tensor)
        return reported(self.running(layer), part)

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """All arrays that a model keeps, by name, layer by layer."""
        for name in self.layout.array_names():
            yield name, self.array(name)

    def set_arrays(self, arrays: Sequence[np.ndarray]) -> None:
        """Set all arrays, in the order of `arrays()`."""
        given = dict(zip(self.layout.array_names(), arrays, strict=True))
        with self.lock:
            self.changes += 1
            for name, values in given.items():
                layer, part = name.split(".")
                if part == "running_mean":
                    self._set_running(int(layer), values, given[f"{layer}.running_var"])
                elif part == "mean":
                    self._set_moments(values, given[f"{layer}.deviation"])
                elif part not in ("running_var", "deviation"):
                    self.array(name)[...] = values

    @property
    def is_finite(self) -> bool:
        """Whether all parameters and running statistics are finite numbers."""
        finite = np.isfinite(self.parameters)
        # The first that is not; for the few numbers of a small network quicker than `all`.
        if not finite.item(finite.argmin()):
            return False
        return not self.layout.running or bool(np.isfinite(self.statistics).all())

    @property
    def is_fitted(self) -> bool:
        """Whether a first Standardize knows the moments of the features; True without one."""
        standardizes = self.layout.layers[0].kind == STANDARDIZE
        return not standardizes or bool(self.running(0)[1].all())

    def fit_moments(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Set mean and deviation (n,) of Standardize; a deviation of its type that is 0 is 1."""
        self.changes += 1
        running = self.running(0)
        high = np.asarray(mean, running.dtype)
        low, spread = mean - high.astype(np.float64), np.asarray(deviation, running.dtype)
        # Who is broken off in between is not fitted: the deviation is what tells.
        running[1] = 0
        running[0], running[2] = high, low
        running[1] = np.where(spread > 0, spread, 1)

    def forget_moments(self) -> None:
        """Standardize is not fitted."""
        self.changes += 1
        self.running(0)[:] = 0

    def _set_moments(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Set Standardize's moments; those that one which is not fitted reports leave it so."""
        same = [np.array_equal(self.array(f"0.{name}"), values)
                for name, values in (("mean", mean), ("deviation", deviation))]  # fmt: skip
        if not all(same):
            self.fit_moments(np.asarray(mean, np.float64), deviation)

    def _set_running(self, layer: int, mean: np.ndarray, var: np.ndarray) -> None:
        """Set batch norm's averages; the ones it reports already leave their correction alone."""
        reported = self.array(f"{layer}.running_mean"), self.array(f"{layer}.running_var")
        same = [
            np.array_equal(old, np.asarray(new, old.dtype))
            for old, new in zip(reported, (mean, var), strict=True)
        ]
        if not all(same):
            running = self.running(layer)
            running[0], running[1], running[2] = mean, var, 1

    def penalty(self) -> float:
        """sum of l1 sum |W| + l2 / 2 sum W^2 over the layers."""
        total = 0.0
        for k, layer in enumerate(self.layout.layers):
            l1, l2 = getattr(layer, "l1", 0.0), getattr(layer, "l2", 0.0)
            if l1 or l2:
                W = self.array(f"{k}.W").astype(np.float64)
                total += l1 * np.abs(W).sum() + 0.5 * l2 * np.square(W).sum()
        return float(total)

    def assign(self, parameters: np.ndarray) -> None:
        """Set the parameter vector."""
        with self.lock:
            self.changes += 1
            self.parameters[:] = parameters

    def restore(self, values: np.ndarray) -> None:
        """Go back to a copy of `values`."""
        with self.lock:
            self.changes += 1
            self.values[:] = self.layout.of_today(values)

    def reset_optimizer(self) -> None:
        """Forget momenta and averages."""
        n = self.layout.n_parameters
        with self.lock:
            self.changes += 1
            self.values[n : 3 * n] = 0
