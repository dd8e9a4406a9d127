"""Passes over the rows: in which order, cut into which batches, at which learning rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.engine.blocks import Course
from fastnn.training.job import Job
from fastnn.training.measuring import batch_weights
from fastnn.training.network import Network, Partial, Setup

Stand = tuple[Any, int]
"""Where a generator stands: a state that it had, and how many epochs have been drawn since."""


FAR = 64
"""So many epochs take longer to draw again than the state of a generator to read."""


class Passes:
    """What the epochs of one job go through; several may make one pass."""

    def __init__(self, network: Network, setup: Setup, job: Job) -> None:
        self.network, self.setup, self.job = network, setup, job
        self.rows, self.index = job.data.rows, job.data.index
        self.n_steps = len(job.bounds) - 1
        self.keeps_outputs = bool(setup.metrics) and job.data.measured is None
        self._order = np.empty(0, np.int64)
        self._stand: Stand | None = None

    def begun(self) -> Partial | None:
        """The epoch that an earlier fit has begun, if this one goes on with it."""
        part, job = self.network.partial, self.job
        if part is None or part.changes != self.network.state.changes:
            return None
        fits = part.continues(self.index, job.batch_size, job.shuffle, self.keeps_outputs)
        return part if fits else None

    def draw(self, count: int) -> np.ndarray:
        """The rows in the order of so many epochs, until the next ones are drawn."""
        n = count * len(self.index)
        if n > len(self._order):
            self._order = np.empty(n, np.int64)
        order = self._order[:n]
        self.network.draw_orders(self.index, order.reshape(count, -1), self.job.shuffle)
        if self._stand is not None:
            # After a single pass a user's code may draw, too.
            since = self._stand[1] + count
            self._stand = (self._stand[0], since) if count > 1 and since < FAR else None
        return order

    @property
    def drawn(self) -> Stand:
        """Where the generator stands: to read its state may take longer than an epoch."""
        if self._stand is None:
            self._stand = self.network.drawn, 0
        return self._stand

    def go_to(self, stand: Stand) -> None:
        """Back to where the generator stood; the pass under way keeps its rows."""
        self._order = np.empty(0, np.int64)
        self.network.drawn = stand[0]
        for _ in range(stand[1]):
            self.draw(1)
        self._stand = stand

    def begin(self, order: np.ndarray) -> Partial:
        """A pass through these rows."""
        network, job = self.network, self.job
        outputs = None
        if self.keeps_outputs:
            outputs = np.empty((len(order), network.layout.n_out), network.dtype)
        count, changes = len(order) // len(self.index), network.state.changes
        losses, norms = np.empty(count * self.n_steps), np.zeros(count)
        return Partial(order, job.batch_size, job.shuffle, losses, norms, outputs, 0, changes)

    def course(self, part: Partial) -> Course:
        """The steps of a pass, also those that are done."""
        network, count, bounds = self.network, len(part.norms), self.job.bounds
        if count > 1:
            n = len(self.index)
            starts = np.arange(0, count * n, n)
            bounds = np.append((starts[:, None] + bounds[:-1]).ravel(), count * n)
        first, penalties = network.step - part.done, None
        rates = (self.job.rates or network.scheduled(self.setup.optimizer))(first, len(part.losses))
        if self.setup.shares is not None:
            penalties = batch_weights(self.rows, part.order, bounds)
            np.divide(1.0, penalties, out=penalties, where=penalties > 0)
        return Course(
            part.order, bounds, network.learning_rate_factor * rates, first, self.n_steps,
            part.outputs, penalties,
        )  # fmt: skip
