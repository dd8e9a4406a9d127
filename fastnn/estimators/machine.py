"""The network inside an estimator, and what its training carries from call to call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.engine.layout import Layout
from fastnn.inputs.rows import Rows
from fastnn.layers import BatchNorm, Dense, Layer
from fastnn.training.building import draw_weights, moments
from fastnn.training.network import Network


class Machine:
    """A network, its random numbers, and how far its training has come.

    Parameters
    ----------
    layers : sequence of Layer
    n_in : int
        Number of features.
    dtype : dtype
    random_state : np.random.RandomState
        Shuffles the rows of each epoch.
    dropout_seed : int, default 0
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        n_in: int,
        dtype: np.dtype,
        random_state: np.random.RandomState,
        dropout_seed: int = 0,
    ) -> None:
        self.layers, self.n_in, self.dtype = tuple(layers), n_in, np.dtype(dtype)
        self.random_state, self.dropout_seed = random_state, dropout_seed
        self.order: np.ndarray | None = None
        """Sequence of the rows in the last epoch; the next one shuffles it again."""
        self.split: tuple | None = None
        """State of `random_state` before rows were held out: the same ones stay held out."""
        self.rate: float | None = None
        """Learning rate, where it depends on how the training went."""
        self.optimizer: str | None = None
        """Whose state the optimizer's slots hold."""
        self._build()

    def _build(self) -> None:
        # Network shuffles by itself only in `Sequential.fit`.
        layout = Layout(self.layers, self.n_in)
        self.network = Network(layout, self.dtype, np.random.default_rng(0), self.dropout_seed)
        self.state = self.network.state
        self.dense = [k for k, layer in enumerate(layout.layers) if isinstance(layer, Dense)]

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return self.network.layout.n_out

    @property
    def has_output_layer(self) -> bool:
        """Whether something follows the last Dense layer: softmax or sigmoid."""
        return self.dense[-1] != len(self.layers) - 1

    def relayer(self, layers: Sequence[Layer]) -> None:
        """The same arrays under layers with other settings, such as another penalty."""
        if tuple(layers) == self.layers:
            return
        layout = Layout(layers, self.n_in)
        if layout.array_names() != self.network.layout.array_names():
            raise ValueError(
                "the network has arrays of other names and sizes than the parameters now describe "
                f"({list(self.network.layout.array_names().values())} and "
                f"{list(layout.array_names().values())}); with warm_start, or before partial_fit, "
                "leave the layers as they are"
            )
        kept = self.__getstate__()
        self.__setstate__(kept | {"layers": tuple(layers)})

    def use(self, optimizer: str) -> None:
        """Another optimizer than before starts with an empty state."""
        if self.optimizer not in (None, optimizer):
            self.state.reset_optimizer()
            self.network.step = 0
        self.optimizer = optimizer

    def coefs(self) -> list[np.ndarray]:
        """W of each Dense layer, sharing memory."""
        return [self.state.array(f"{k}.W") for k in self.dense]

    def intercepts(self) -> list[np.ndarray]:
        """b of each Dense layer, sharing memory; zeros where batch norm makes it redundant."""
        found = [self.network.layout.tensor(k, "b") for k in self.dense]
        widths = self.network.layout.widths
        return [
            np.zeros(widths[k + 1], self.dtype) if tensor is None else self.state.view(tensor)
            for k, tensor in zip(self.dense, found, strict=True)
        ]

    def draw_as_sklearn(self, logistic: bool) -> None:
        """W and b uniform in +-sqrt(6 / (fan_in + fan_out)), in scikit-learn's sequence.

        For the logistic activation it is 2 instead of 6.
        """
        factor = 2.0 if logistic else 6.0
        draw_weights(self.state, np.random.default_rng(0))
        for W, b in zip(self.coefs(), self.intercepts(), strict=True):
            bound = np.sqrt(factor / sum(W.shape))
            W[:] = self.random_state.uniform(-bound, bound, W.shape)
            b[:] = self.random_state.uniform(-bound, bound, b.shape)
        self.state.changes += 1

    def draw(self, bias_deviation: float = 0.0) -> None:
        """W by each layer's initializer; b normal, that of the last layer zero."""
        rng = np.random.default_rng(self.random_state.randint(2**31 - 1))
        draw_weights(self.state, rng)
        for b in self.intercepts()[:-1] if bias_deviation else ():
            b[:] = rng.normal(0.0, bias_deviation, b.shape)
        self.state.changes += 1

    def take(self, coefs: Sequence[Any], intercepts: Sequence[Any]) -> None:
        """Set the weights and biases of the Dense layers."""
        mine = [*self.coefs(), *self.intercepts()]
        for k, (array, given) in enumerate(zip(mine, [*coefs, *intercepts], strict=True)):
            if np.shape(given) != array.shape:
                raise ValueError(
                    f"array {k} of coefs_ + intercepts_ has shape {np.shape(given)}; expected "
                    f"{array.shape}"
                )
            array[...] = given
        self.state.changes += 1

    def next_order(self, n: int, shuffle: bool) -> np.ndarray:
        """Sequence (n,) of the rows for an epoch, as scikit-learn's with the same seed."""
        if self.order is None or len(self.order) != n:
            self.order = np.arange(n)
        if shuffle:
            drawn = np.arange(n)
            self.random_state.shuffle(drawn)
            self.order = self.order[drawn]
        return self.order

    def outputs(self, rows: Rows, last: int | None = None) -> np.ndarray:
        """What the network answers, (n, n_out); with `last`, what comes out of layer last - 1."""
        run = self.network.predict_run()
        if rows.direct:
            return run.predict(rows, last=last)
        return run.predict(rows, np.arange(rows.X.shape[0]), last=last)

    def settle(self, rows: Rows, index: np.ndarray) -> None:
        """Give batch norm the exact statistics of the training rows.

        Its running averages lag behind the weights by some epochs.
        """
        for k, layer in enumerate(self.layers):
            if isinstance(layer, BatchNorm):
                run = self.network.predict_run()
                mean, variance = moments(run.predict(rows, index, last=k), None)
                running, n = self.state.running(k), len(index)
                running[0], running[1], running[2] = mean, variance * n / max(n - 1, 1), 1

    def keep(self) -> np.ndarray:
        """A copy of what prediction depends on."""
        return self.state.values.copy()

    def go_back(self, kept: np.ndarray) -> None:
        """To parameters and statistics kept before; the optimizer's state stays."""
        n = self.network.layout.n_parameters
        values = self.state.values
        values[:n], values[3 * n :] = kept[:n], kept[3 * n :]
        self.state.changes += 1

    def __getstate__(self) -> dict[str, Any]:
        kept = {k: v for k, v in vars(self).items() if k not in ("network", "state", "dense")}
        network = self.network
        return kept | {"values": self.keep(), "steps": (network.step, network.epoch)}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        values, steps = kept.pop("values"), kept.pop("steps")
        vars(self).update(kept)
        self._build()
        self.state.restore(values)
        self.network.step, self.network.epoch = steps
