"""The network inside an estimator, and what its training carries from call to call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.engine.layout import Layout
from fastnn.inputs.reading import Data
from fastnn.inputs.rows import Rows
from fastnn.layers import Dense, Layer
from fastnn.training.building import draw_weights, exact_batchnorm, fill_constants
from fastnn.training.network import Network

BUILT_FROM = ("layers", "n_in", "dtype", "random_state", "dropout_seed")
CARRIED = ("order", "split", "rate", "optimizer", "schedule", "schedule_start")


class Machine(Network):
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

    rng: Any

    def __init__(
        self,
        layers: Sequence[Layer],
        n_in: int,
        dtype: Any,
        random_state: np.random.RandomState,
        dropout_seed: int = 0,
    ) -> None:
        self.layers = tuple(layers)
        rng: Any = random_state
        super().__init__(Layout(layers, n_in), np.dtype(dtype), rng, dropout_seed)
        self.order: np.ndarray | None = None
        """Sequence of the rows in the last epoch; the next one shuffles it again."""
        self.split: tuple | None = None
        """State of `random_state` before rows were held out: the same ones stay held out."""
        self.rate: float | None = None
        """Learning rate, where it depends on how the training went."""
        self.optimizer: str | None = None
        """Whose state the optimizer's slots hold."""
        self.schedule: Any = None
        """What its learning rates have followed."""

    @property
    def random_state(self) -> np.random.RandomState:
        """All random numbers come from it."""
        return self.rng

    @property
    def n_in(self) -> int:
        """Number of features."""
        return self.layout.n_in

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return self.layout.n_out

    @property
    def dense(self) -> list[int]:
        """Which of the layers are Dense."""
        return [k for k, layer in enumerate(self.layers) if isinstance(layer, Dense)]

    @property
    def has_output_layer(self) -> bool:
        """Whether something follows the last Dense layer: softmax or sigmoid."""
        return self.dense[-1] != len(self.layers) - 1

    def relayer(self, layers: Sequence[Layer]) -> None:
        """The same arrays under layers with other settings, such as another penalty."""
        if tuple(layers) == self.layers:
            return
        layout = Layout(layers, self.n_in)
        if layout.array_names() != self.layout.array_names():
            raise ValueError(
                "the network has arrays of other names and sizes than the parameters now describe "
                f"({list(self.layout.array_names().values())} and "
                f"{list(layout.array_names().values())}); with warm_start, or before partial_fit, "
                "leave the layers as they are"
            )
        self.layers = tuple(layers)
        self.take_layout(layout)

    def use(self, optimizer: str) -> None:
        """Another optimizer than before starts with an empty state."""
        if self.optimizer not in (None, optimizer):
            self.state.reset_optimizer()
            self.step = self.schedule_start = 0
        self.optimizer = optimizer

    def plan(self, schedule: Any, anew: bool) -> None:
        """Follow a schedule: another one than before begins here, and one that is planned anew."""
        if self.step and (anew or schedule != self.schedule):
            self.schedule_start = self.step
        self.schedule = schedule

    def coefs(self) -> list[np.ndarray]:
        """W of each Dense layer, sharing memory."""
        return [self.state.array(f"{k}.W") for k in self.dense]

    def intercepts(self) -> list[np.ndarray]:
        """b of each Dense layer, sharing memory; zeros where batch norm makes it redundant."""
        found = [self.layout.tensor(k, "b") for k in self.dense]
        widths = self.layout.widths
        return [
            np.zeros(widths[k + 1], self.dtype) if tensor is None else self.state.view(tensor)
            for k, tensor in zip(self.dense, found, strict=True)
        ]

    def draw_as_sklearn(self, logistic: bool) -> None:
        """W and b uniform in +-sqrt(6 / (fan_in + fan_out)), in scikit-learn's sequence.

        For the logistic activation it is 2 instead of 6.
        """
        factor = 2.0 if logistic else 6.0
        fill_constants(self.state)
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

    @property
    def drawn(self) -> Any:
        """Where the generator of the sequences stands."""
        return self.random_state.get_state(legacy=False), self.order

    @drawn.setter
    def drawn(self, state: Any) -> None:
        self.random_state.set_state(state[0])
        self.order = state[1]

    def draw_orders(self, index: np.ndarray, orders: np.ndarray, shuffle: bool) -> None:
        """Write the sequence of the rows of index (n,) in each epoch, as scikit-learn's is."""
        n = len(index)
        same = self.order is not None and len(self.order) == n
        # Of a copy: somebody may have kept the last one, to go back to it.
        self.order = np.array(self.order) if same else np.arange(n)
        for order in orders:
            if shuffle:
                # As scikit-learn does, who shuffles row numbers and takes the last order by these.
                self.random_state.shuffle(self.order)
            order[:] = self.order
        orders[:] = index[orders]

    def outputs(self, rows: Rows, last: int | None = None) -> np.ndarray:
        """What the network answers, (n, n_out); with `last`, what comes out of layer last - 1."""
        return self.predict_run().predict(rows, last=last)

    def settle(self, data: Data) -> None:
        """Give batch norm the exact statistics of the training rows.

        Its running averages lag behind the weights by some epochs.
        """
        exact_batchnorm(self, data.training)

    def keep(self) -> np.ndarray:
        """A copy of what prediction depends on."""
        n, values = self.layout.n_parameters, self.state.values
        return np.concatenate([values[:n], values[3 * n :]])

    def return_to(self, kept: np.ndarray) -> None:
        """To parameters and statistics kept before; the optimizer's state stays."""
        n, values = self.layout.n_parameters, self.state.values
        # Pickles of version 0.1 hold the optimizer's state in between.
        with self.lock:
            self.state.changes += 1
            values[:n], values[3 * n :] = kept[:n], kept[len(kept) - (len(values) - 3 * n) :]

    def __getstate__(self) -> dict[str, Any]:
        with self.lock:
            kept = {name: getattr(self, name) for name in (*BUILT_FROM, *CARRIED)}
            n, values = self.layout.n_parameters, self.state.values
            # Without the optimizer's state where there is none, as after L-BFGS.
            values = values.copy() if values[n : 3 * n].any() else self.keep()
            return kept | {"values": values, "steps": (self.step, self.epoch)}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        Machine.__init__(self, *(kept[name] for name in BUILT_FROM))
        for name in CARRIED:
            if name in kept:
                setattr(self, name, kept[name])
        values, n = kept["values"], self.layout.n_parameters
        if len(values) < len(self.state.values):
            values = np.insert(values, n, np.zeros(2 * n, values.dtype))
        self.state.restore(values)
        self.step, self.epoch = kept["steps"]
