"""Checkpoints: the model in a file now and then, and the best one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.callbacks.base import Callback
from fastnn.callbacks.monitor import Monitor
from fastnn.files.whole import remove, remove_litter
from fastnn.history import History
from fastnn.inputs.paths import as_directory, as_path, make_directory
from fastnn.inputs.settings import set_count

_NAME = re.compile(r"(\d+)-epoch-\d+-step-\d+\.safetensors")
BEST = "best.safetensors"


class Checkpoint(Callback):
    """Save the model while it trains: every so many epochs or steps, and where it is best.

    Each file is whole or not there: whatever happens, the newest one of the directory can be
    loaded, and goes on to the bit. `fastnn.load` reads it.

    Parameters
    ----------
    directory : path
        Made if it is not there. Files are numbered as they are written, whatever training they
        are of, and named by epoch and step; the best one is "best".
    every : int, default 1
        Epochs between two files. One more is written at the end of a fit, also after Ctrl-C.
    every_steps : int, optional
        Save at multiples of so many steps, too: for epochs of many minutes.
    keep : int, default 3
        Files kept, the newest ones; "best" is none of them.
    best : str, optional
        A column of the history, such as "val_loss": where it is the best of all epochs, or there
        is no such file yet, the model is also saved as "best".
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better; "auto" knows it for losses and for the metrics of
        `fastnn.metrics`.

    Examples
    --------
    >>> import tempfile
    >>> import fastnn
    >>> from fastnn import Checkpoint, Dense, Sequential, Softmax
    >>> from fastnn.datasets import load_iris
    >>> model = Sequential([Dense(3), Softmax()], seed=0)
    >>> model.compile("adam")
    >>> folder = tempfile.mkdtemp()
    >>> history = model.fit(*load_iris(), epochs=5, callbacks=[Checkpoint(folder)], verbose=0)
    >>> fastnn.load(Checkpoint.latest(folder)).epoch
    5
    """

    saves = True

    def __init__(
        self,
        directory: str | Path,
        *,
        every: int = 1,
        every_steps: int | None = None,
        keep: int = 3,
        best: str | None = None,
        mode: str = "auto",
    ) -> None:
        self.directory = as_directory(directory)
        self.every, self.keep, self.every_steps = every, keep, every_steps
        set_count(self, "every")
        set_count(self, "keep")
        if every_steps is not None:
            set_count(self, "every_steps")
        self.monitor = best
        self._watched = None if best is None else Monitor(best, mode)

    @staticmethod
    def latest(directory: str | Path) -> Path:
        """The checkpoint in a directory that was written last.

        Raises
        ------
        FileNotFoundError
            Where there is none.
        """
        found = _files(as_path(directory, "directory"))
        if not found:
            raise FileNotFoundError(f"{directory} holds no checkpoint")
        return found[-1]

    def on_train_begin(self, model: Any, epochs: int) -> None:
        make_directory(self.directory)
        remove_litter(self.directory)
        self._saved: tuple[Any, ...] = ()
        self._epochs = 0

    def on_steps_end(self, model: Any, fraction: float) -> None:
        if self.every_steps and model.step % self.every_steps == 0 and fraction < 1:
            self._save(model)

    def on_epoch_end(self, model: Any, history: History) -> bool | None:
        if model.epoch % self.every == 0 or (
            self.every_steps and model.step % self.every_steps == 0
        ):
            self._save(model)
        self._epochs += 1
        if self._watched is not None:
            values = self._watched.values(history)
            # Of all epochs, also those of earlier fits.
            if not np.isnan(values[-1]) and (
                not (self.directory / BEST).exists()
                or not np.nanmin(values[:-1], initial=np.inf) <= values[-1]
            ):
                model.save(self.directory / BEST)
        return None

    def on_train_end(self, model: Any, history: History) -> None:
        if (model.epoch, model.step) != (0, 0) and _state(model) != self._saved:
            self._save(model)
        if self._watched is not None:
            so = f'no epoch is the best, and none was saved as "{BEST}"'
            self._watched.warn_of_nan(history, self._epochs, so, self)

    def _save(self, model: Any) -> None:
        last = _files(self.directory)[-1:]
        number = int(last[0].name.split("-")[0]) + 1 if last else 1
        self._saved = _state(model)
        name = f"{number:06d}-epoch-{model.epoch}-step-{model.step}.safetensors"
        model.save(self.directory / name)
        for old in _files(self.directory)[: -self.keep]:
            remove(old)


def _state(model: Any) -> tuple[Any, ...]:
    """What differs wherever the model does: other callbacks may change it at the end."""
    return model.epoch, model.step, model.learning_rate_factor, model._built().state.changes


def _files(directory: Path) -> list[Path]:
    """The checkpoints of a directory, the newest one last."""
    if not directory.is_dir():
        return []
    found = [(match, path) for path in directory.iterdir() if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found, key=lambda f: int(f[0][1]))]
