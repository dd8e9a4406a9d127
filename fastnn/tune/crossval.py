"""Cross-validation: one network a fold, all folds at once."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.callbacks.base import chosen
from fastnn.engine import threads
from fastnn.history import History
from fastnn.inputs import notebook
from fastnn.inputs.calls import explained
from fastnn.inputs.settings import check_count
from fastnn.model.sequential import Sequential
from fastnn.tune.jobs import Watch
from fastnn.tune.splits import share_out


@dataclass(repr=False)
class CrossValidation:
    """What the folds measured.

    Attributes
    ----------
    models : list of Sequential
        One a fold, trained.
    histories : list of History
        Of each fold.
    held_out : list of arrays
        The row numbers that each fold was judged by.

    Examples
    --------
    >>> from fastnn import tune
    >>> from fastnn.datasets import load_iris
    >>> X, y = load_iris()
    >>> model = tune.default_build(y)(learning_rate=1e-2)
    >>> folds = tune.cross_validate(model, X, y, cv=3, epochs=2)
    >>> folds.mean["val_loss"].shape
    (2,)
    """

    models: list[Sequential]
    histories: list[History]
    held_out: list[np.ndarray]

    @property
    def mean(self) -> dict[str, np.ndarray]:
        """By column, the mean over the folds of each epoch, as long as the shortest fold."""
        return {name: rows.mean(axis=0) for name, rows in self._stacked().items()}

    @property
    def deviation(self) -> dict[str, np.ndarray]:
        """By column, the standard deviation between the folds (n - 1) of each epoch."""
        return {name: rows.std(axis=0, ddof=1) for name, rows in self._stacked().items()}

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, of the lowest mean validation loss."""
        return int(np.nanargmin(self.mean["val_loss"])) + 1

    @property
    def overfit_epoch(self) -> float | None:
        """The mean, over the folds that turned, of `History.overfit_epoch`; None if none did."""
        turns = [h.overfit_epoch for h in self.histories if h.overfit_epoch is not None]
        return math.fsum(turns) / len(turns) if turns else None

    def to_frame(self) -> Any:
        """A pandas DataFrame, a row an epoch of a fold, indexed by both.

        Raises
        ------
        ImportError
            Without pandas.
        """
        frames = [history.to_frame() for history in self.histories]
        import pandas

        return pandas.concat(frames, keys=range(len(frames)), names=["fold"])

    def _stacked(self) -> dict[str, np.ndarray]:
        length = min(map(len, self.histories))
        return {
            name: np.array([h.history[name][:length] for h in self.histories])
            for name in self.histories[0].history
        }

    def __repr__(self) -> str:
        return f"CrossValidation({self})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the mean losses, and each measure at the best epoch."""
        best, mean, deviation = self.best_epoch, self.mean, self.deviation
        losses = {name: list(mean[name]) for name in ("loss", "val_loss")}
        each = [
            [name, float(mean[name][best - 1]), float(deviation[name][best - 1])]
            + [float(h.history[name][best - 1]) for h in self.histories]
            for name in mean
            if name.startswith("val_")
        ]
        folds = [f"fold {k}" for k in range(len(self.models))]
        heads = f"epoch {best}", "mean", "deviation", *folds
        picture = notebook.chart(losses, 1, best)
        return notebook.shown(str(self), picture, notebook.table(heads, each))

    def __str__(self) -> str:
        best = self.best_epoch
        mean, deviation = self.mean, self.deviation
        measured = [
            f"{name} {mean[name][best - 1]:.4g} ± {deviation[name][best - 1]:.2g}"
            for name in mean
            if name.startswith("val_")
        ]
        turn = self.overfit_epoch
        turned = "" if turn is None else f"; overfitting from epoch {turn:.3g} on average"
        return f"{len(self.models)} folds, at epoch {best}: {', '.join(measured)}{turned}"


@explained
def cross_validate(
    model: Sequential | Callable[[], Sequential],
    X: Any,
    y: Any,
    cv: Any = 5,
    *,
    epochs: int = 30,
    n_jobs: int = -1,
    seed: int = 0,
    groups: Any = None,
    **fit: Any,
) -> CrossValidation:
    """Train one copy of a model a fold, all folds at once in threads, over one X.

    Parameters
    ----------
    model : Sequential or callable
        Compiled and not trained; it stays so. Or a function that makes such a model. Each fold has
        the bits of ``copy.deepcopy(model).fit(X[rest], y[rest], validation_data=(X[fold],
        y[fold]))``.
    X, y : arrays
        As for `fit`.
    cv : int, splitter, list of (train, test) row numbers or of held-out row numbers, default 5
        Number of folds, dealt out by class where y holds classes. Pairs, and the splitters of
        scikit-learn such as ``TimeSeriesSplit(5)``, are taken as they are.
    epochs : int, default 30
    n_jobs : int, default -1
        Folds at a time, as for `search`.
    seed : int, default 0
        Of the folds.
    groups : array (n,), optional
        Such as the patient that each row is of: a group is held out as a whole.
    **fit
        Further arguments of `fit`, such as ``batch_size``; each fold gets its own copies of the
        callbacks.

    Returns
    -------
    result : CrossValidation
        ``print`` it; ``mean``, ``deviation``, ``best_epoch``, ``overfit_epoch``, ``histories``.

    Raises
    ------
    ValueError, TypeError
        For what `fit` refuses, and for a model that is trained already.
    DivergenceError
        As soon as a fold diverges.

    Examples
    --------
    >>> from fastnn import Dense, Sequential, Softmax, tune
    >>> from fastnn.datasets import load_iris
    >>> model = Sequential([Dense(3), Softmax()], seed=0)
    >>> model.compile("adam", metrics=["accuracy"])
    >>> result = tune.cross_validate(model, *load_iris(), cv=5, epochs=10)
    >>> len(result.histories), len(result.mean["val_accuracy"])
    (5, 10)
    """
    check_count(epochs, "epochs")
    if "validation_data" in fit or "validation_split" in fit:
        raise ValueError("the folds are the validation; leave out validation_data and _split")
    if cv is None:
        raise TypeError("cv is None; expected a number of folds, a splitter, or a list of folds")
    data = share_out(X, y, cv, seed, {}, groups)
    data.read()
    models = [_fresh(model) for _ in data.held_out]
    callbacks = chosen(fit.pop("callbacks", ()))
    stop = threading.Event()

    def train(fold: int) -> History:
        watch = Watch(stop, math.inf, [], "val_loss", 1.0)
        watchers = [*copy.deepcopy(callbacks), watch]
        with threads.alone():
            return models[fold].fit(
                data.X, data.y, epochs, validation_split=data.split(fold), callbacks=watchers,
                verbose=0, **fit,
            )  # fmt: skip

    with ThreadPoolExecutor(threads.workers(n_jobs)) as pool:
        futures = [pool.submit(train, fold) for fold in range(len(models))]
        try:
            histories = [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    for trained in models:
        data.name_features(trained)
    return CrossValidation(models, histories, [r for r in data.held_out if r is not None])


def _fresh(model: Any) -> Sequential:
    fresh = copy.deepcopy(model) if isinstance(model, Sequential) else model
    if not isinstance(fresh, Sequential) and callable(fresh):
        fresh = fresh()
    if not isinstance(fresh, Sequential):
        raise TypeError(f"got {fresh!r:.60}; expected a compiled Sequential or a function of one")
    if len(fresh.history):
        raise ValueError(
            f"the model is trained already, for {len(fresh.history)} epochs; pass a new one, for "
            "each fold must start without having seen its rows"
        )
    return fresh
