"""What the arguments of a fit come to: a job, all of it checked."""

from __future__ import annotations

from operator import is_
from typing import Any, NamedTuple

import numpy as np

from fastnn.callbacks import listeners
from fastnn.engine.layout import Layout
from fastnn.inputs.reading import Data, Form, read_data, target_rows
from fastnn.inputs.rows import Rows
from fastnn.inputs.settings import check_count, check_switch
from fastnn.training import door
from fastnn.training.batches import batch_bounds, batch_rows
from fastnn.training.job import Job
from fastnn.training.network import Network, Setup


class Settings(NamedTuple):
    """The arguments of a fit beside its samples."""

    epochs: int
    batch_size: int | str | None
    shuffle: bool
    validation_data: tuple | None
    validation_split: Any
    validation_freq: int
    training_metrics: str
    callbacks: Any
    verbose: Any

    def checked(self) -> Settings:
        """The same with counts that are ints; numbers and switches that are none are refused."""
        epochs = check_count(self.epochs, "epochs")
        check_switch(self.shuffle, "shuffle")
        freq, size = check_count(self.validation_freq, "validation_freq"), self.batch_size
        if size is not None and not isinstance(size, str):
            size = check_count(size, "batch_size")
        return self._replace(epochs=epochs, validation_freq=freq, batch_size=size)

    @property
    def are_plain(self) -> bool:
        """Whether the same objects always mean the same: no samples, no parts, no list to fill."""
        numbers = type(self.validation_split) is float and self.validation_data is None
        return numbers and not self.validation_split and self.callbacks == () and not self.verbose


class Plan(NamedTuple):
    """What plain settings have come to for a number of rows."""

    given: tuple[Any, ...]
    """The very objects that it was made of; each is one that nobody changes."""
    n: int
    form: Form
    batch_size: int
    bounds: np.ndarray
    columns: list[str]


def as_job(
    model: Any, network: Network | None, setup: Setup, layout: Layout,
    names: tuple[str, ...] | None, settings: Settings, rows: Rows, y: Any, sample_weight: Any,
) -> tuple[Job, list[str]]:  # fmt: skip
    """A fit's job, and the columns of the history that it is going to fill."""
    known, given = network.settled if network else None, (setup, layout, names, *settings)
    if known is not None and known.n == len(rows) and all(map(is_, known.given, given)):
        _, n, form, size, bounds, columns = known
        data, watchers = Data(target_rows(rows, y, sample_weight, form), np.arange(n)), []
    else:
        # An array of one number is a count, too, and its owner may change it.
        settings = settings.checked()
        given = setup, layout, names, *settings
        form = setup.form(layout, model.dtype, names)
        data = read_data(
            target_rows(rows, y, sample_weight, form), form,
            validation_data=settings.validation_data, validation_split=settings.validation_split,
            training_metrics=settings.training_metrics, seed=model._split_seed,
        )  # fmt: skip
        size = batch_rows(settings.batch_size, len(data.index), setup.optimizer)
        door.refuse_l1(layout, setup.optimizer)
        watchers = listeners(settings.callbacks, settings.verbose)
        columns = door.check_columns(setup, data.validation is not None, watchers)
        bounds = batch_bounds(len(data.index), size)
        if network and settings.are_plain and data.measured is None:
            network.settled = Plan(given, len(rows), form, size, bounds, columns)
    door.try_codes(layout, data, names)
    epochs, shuffle, freq = settings.epochs, settings.shuffle, settings.validation_freq
    job = Job(data, epochs, size, bounds, shuffle, watchers, model, freq)
    position = network.step - network.schedule_start if network else 0
    door.try_rates(setup.optimizer, position, len(bounds) - 1, epochs)
    door.try_metrics(setup, data, layout.n_out, model.dtype)
    return job, columns
