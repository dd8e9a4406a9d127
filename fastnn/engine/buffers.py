"""Buffers: flat, aligned arrays, and the named views into them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fastnn.engine.layout import Layout, Tensor
from fastnn.kernels.codes import BATCHNORM

_LINE = 64


def arena(n: int, dtype: np.dtype) -> np.ndarray:
    """A zeroed vector (n,) that starts on a cache line; pages never touched cost no memory.

    Behind it is a cache line more, for kernels read whole vectors.
    """
    dtype = np.dtype(dtype)
    raw = np.zeros(n * dtype.itemsize + 2 * _LINE, dtype=np.uint8)
    start = -raw.ctypes.data % _LINE
    return raw[start : start + n * dtype.itemsize].view(dtype)


class State:
    """All that training changes: parameters, the optimizer's slots, running statistics.

    One vector `values`; `copy` and `restore` are copies of it.
    """

    def __init__(self, layout: Layout, dtype: np.dtype) -> None:
        self.layout = layout
        self.values = arena(layout.n_state, dtype)
        self.changes = 0
        """Counts changes of the values: who keeps a copy sees that it is stale."""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "values": np.array(self.values)}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        vars(self).update(fields)
        # A copy need not start on a cache line.
        self.values = arena(len(fields["values"]), fields["values"].dtype)
        self.values[:] = fields["values"]

    def view(self, tensor: Tensor) -> np.ndarray:
        """One named array, of its own shape, sharing memory."""
        return self.values[tensor.slice].reshape(tensor.shape)

    @property
    def parameters(self) -> np.ndarray:
        """All parameters as one vector; gaps between arrays hold zeros."""
        return self.values[: self.layout.n_parameters]

    def running(self, layer: int) -> np.ndarray:
        """The running statistics of a layer, (3, n) or (2, n), sharing memory."""
        tensor = self.layout.tensor(layer, "running")
        if tensor is None:
            raise KeyError(f"layer {layer} keeps no statistics")
        return self.view(tensor)

    def array(self, name: str) -> np.ndarray:
        """An array by its name, such as "0.W"; running averages come bias-corrected, as copies."""
        layer, part = int(name.split(".")[0]), name.split(".")[1]
        tensor = self.layout.tensor(layer, part)
        if tensor is not None:
            return self.view(tensor)
        running = self.running(layer)
        row = 0 if part in ("running_mean", "mean") else 1
        if self.layout.layers[layer].kind != BATCHNORM:
            return running[row]
        trained = running[2] > 0
        corrected = running[row] / np.where(trained, running[2], 1)
        return np.where(trained, corrected, running.dtype.type(row))

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """All arrays that a model keeps, by name, layer by layer."""
        for name in self.layout.array_names():
            yield name, self.array(name)

    def set_arrays(self, arrays: Sequence[np.ndarray]) -> None:
        """Set all arrays, in the order of `arrays()`."""
        self.changes += 1
        given = dict(zip(self.layout.array_names(), arrays, strict=True))
        for name, values in given.items():
            layer, part = name.split(".")
            if part == "running_mean":
                self._set_running(int(layer), values, given[f"{layer}.running_var"])
            elif part != "running_var":
                self.array(name)[...] = values

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
        self.parameters[:] = parameters
        self.changes += 1

    def restore(self, values: np.ndarray) -> None:
        """Go back to a copy of `values`."""
        self.values[:] = values
        self.changes += 1

    def reset_optimizer(self) -> None:
        """Forget momenta and averages."""
        n = self.layout.n_parameters
        self.values[n : 3 * n] = 0
        self.changes += 1
