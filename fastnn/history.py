"""History: what each epoch of training measured."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.inputs import notebook
from fastnn.inputs.names import suggestion
from fastnn.inputs.packages import package
from fastnn.inputs.paths import as_path, check_writable

NOT_MEASURES = ("learning_rate", "gradient_norm", "seconds")
"""Columns that tell of the training, not of what it has reached."""
TURN_VALIDATIONS = 3
"""So many validations must follow the best one before it can be called a turn."""


LAST = 5
"""Epochs that a notebook shows in numbers."""


@dataclass(repr=False)
class History:
    """One row an epoch: of one call of `fit`, or as a model's `history` of all of them.

    Attributes
    ----------
    history : dict of lists
        A list a column: "loss", the metrics, "val_loss" and "val_..." where there is validation,
        "learning_rate" (of the last step), "gradient_norm" (of the last step, before any
        clipping; L2 penalties included) and "seconds". NaN where an epoch did not measure it; a
        validation loss that is not a number is infinite.
    epoch : list of int
        Epoch numbers, from 1, over the model's life.

    Examples
    --------
    >>> history = History()
    >>> history.append(1, {"loss": 0.5})
    >>> history.history["loss"]
    [0.5]
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)

    def append(self, epoch: int, row: Mapping[str, float]) -> None:
        """Add one epoch; columns that are new, or missing this time, hold NaN elsewhere."""
        self.extend(epoch, {name: [float(value)] for name, value in row.items()})

    def extend(self, epoch: int, columns: Mapping[str, list[float]]) -> None:
        """Add the epochs from a number on; each column holds a number for each of them."""
        count = len(next(iter(columns.values())))
        if columns.keys() != self.history.keys():
            for name in columns:
                self.history.setdefault(name, [math.nan] * len(self.epoch))
            columns = {name: columns.get(name) or [math.nan] * count for name in self.history}
        for name, column in self.history.items():
            column += columns[name]
        self.epoch += range(epoch, epoch + count)

    def __len__(self) -> int:
        return len(self.epoch)

    def __getitem__(self, column: str) -> list[float]:
        if not isinstance(column, str) or column not in self.history:
            hint = suggestion("monitor", str(column), list(self.history))
            there = f"there are {', '.join(self.history) or 'none yet'}"
            raise KeyError(f"no column {column!r}; {hint}{there}")
        return self.history[column]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each epoch as a dictionary."""
        for i, epoch in enumerate(self.epoch):
            yield {"epoch": epoch} | {name: column[i] for name, column in self.history.items()}

    def since(self, start: int, columns: Collection[str] = ()) -> History:
        """A History of its own of the epochs from place `start` on.

        Of its columns only those that are named, and those that hold a number.
        """
        kept = {
            name: column[start:]
            for name, column in self.history.items()
            if name in columns or not all(map(math.isnan, column[start:]))
        }
        return History(kept, self.epoch[start:])

    def __repr__(self) -> str:
        if not self.epoch:
            return "History(no epochs)"
        n, first, last = len(self.epoch), self.epoch[0], self.epoch[-1]
        where = f"epoch {first}" if n == 1 else f"epochs {first} to {last}"
        ends = [
            f"{name} {column[0]:.4g} to {column[-1]:.4g}" if n > 1 else f"{name} {column[0]:.4g}"
            for name, column in self.history.items()
            if name not in NOT_MEASURES
        ]
        best = "" if n == 1 or self.best_epoch is None else f", best epoch {self.best_epoch}"
        return f"History({where}{best}: {', '.join(ends)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the losses as curves, and the last epochs in numbers."""
        if not self.epoch:
            return notebook.shown("no epochs")
        losses: dict[str, list[float]] = {
            n: self.history[n] for n in ("loss", "val_loss") if n in self.history
        }
        picture = notebook.chart(losses, self.epoch[0], self.best_epoch)
        rows = list(self.rows())[-LAST:]
        best = "" if self.best_epoch is None else f", the best of them {self.best_epoch}"
        caption = f"{len(self.epoch)} epochs{best}"
        return notebook.shown(caption, picture, notebook.table(rows[0], (r.values() for r in rows)))

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the lowest validation loss, without validation of the lowest loss.

        Where there is a "val_score", as of an estimator, it is that of the highest: early stopping
        keeps its weights. None before the first epoch.
        """
        values = self._losses()
        if "val_score" in self.history:
            values = -np.asarray(self.history["val_score"], np.float64)
        return None if np.isnan(values).all() else self.epoch[int(np.nanargmin(values))]

    @property
    def overfit_epoch(self) -> int | None:
        """The epoch at which the validation loss turned for good; None if it has not.

        It is the bottom of the curve that falls up to one epoch, rises after it, and is nearest to
        the values in least squares (unimodal regression); if at least three validations follow,
        and they rise by Kendall's rank test (Mann 1945, p < 0.05). Noise alone passes for
        overfitting in less than one plateau of ten.

        Examples
        --------
        >>> history = History()
        >>> for epoch, loss in enumerate([5.0, 3, 2, 1, 2, 3, 4, 5], start=1):
        ...     history.append(epoch, {"loss": 1 / epoch, "val_loss": loss})
        >>> history.overfit_epoch, history.best_epoch
        (4, 4)
        """
        values = np.asarray(self.history.get("val_loss", ()), np.float64)
        measured = np.flatnonzero(np.isfinite(values))
        values = values[measured]
        if len(values) <= TURN_VALIDATIONS:
            return None
        from scipy.stats import kendalltau

        bottom = _bottom(values)
        after = values[bottom:]
        if len(after) <= TURN_VALIDATIONS:
            return None
        rise = kendalltau(np.arange(len(after)), after, alternative="greater").pvalue
        return self.epoch[int(measured[bottom])] if rise < 0.05 else None

    def _losses(self) -> np.ndarray:
        column = self.history.get("val_loss", self.history.get("loss", []))
        return np.asarray(column, np.float64)

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row an epoch, indexed by the epoch.

        Raises
        ------
        ImportError
            Without pandas.
        """
        pandas = package("pandas", "to_frame makes a DataFrame of pandas", "pandas")
        return pandas.DataFrame(self.history, index=pandas.Index(self.epoch, name="epoch"))

    def to_jsonl(self, path: str | Path) -> None:
        """Write JSON Lines: one object an epoch; null stands for what was not measured."""
        check_writable(as_path(path))
        with open(path, "w", newline="\n", encoding="utf-8") as file:
            for row in self.rows():
                file.write(json_line(row))


def _bottom(values: np.ndarray) -> int:
    """Where the falling and then rising curve nearest to the values is lowest."""
    from scipy.optimize import isotonic_regression

    def error(part: np.ndarray, increasing: bool) -> float:
        fit = isotonic_regression(part, increasing=increasing).x
        return float(np.square(fit - part).sum())

    errors = [
        error(values[: k + 1], False) + error(values[k:], True) for k in range(len(values))
    ]  # fmt: skip
    return int(np.argmin(errors))


def json_line(row: Mapping[str, Any]) -> str:
    """One line of JSON for an epoch; numbers that are not finite become null."""
    known = {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()
    }
    return json.dumps(known) + "\n"
