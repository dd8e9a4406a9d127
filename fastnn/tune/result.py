"""The result of a search: the best model, what mattered, and whether it still holds."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from fastnn.inputs import notebook
from fastnn.inputs.calls import explained
from fastnn.inputs.packages import package
from fastnn.inputs.screens import say
from fastnn.inputs.settings import check_count
from fastnn.tune.defaults import TIERS
from fastnn.tune.findings import Findings
from fastnn.tune.importance import importance
from fastnn.tune.jobs import Watch
from fastnn.tune.pictures import draw
from fastnn.tune.retesting import retest
from fastnn.tune.splits import Data

TOP = 5
"""Trials in a summary."""


@explained
class Result(Findings):
    """What a search has found.

    Attributes
    ----------
    trials : list of Trial
        By number.
    complete : bool
        Whether all trials are done; False after Ctrl-C or when time was out. The same call goes on.
    seconds : float
        Of this call.
    boxes : list of dict
        Of `coarse_to_fine`, the box of each round: coordinate -> (low, high) on the transformed
        axis from 0 to 1, or the options left.
    advice : str
        Of `auto`: what it did, and why.

    Examples
    --------
    >>> from fastnn import tune
    >>> from fastnn.datasets import load_iris
    >>> X, y = load_iris()
    >>> result = tune.search(
    ...     tune.default_build(y),
    ...     tune.default_space(tiers=1),
    ...     X,
    ...     y,
    ...     trials=3,
    ...     epochs=2,
    ...     storage=None,
    ...     verbose=0,
    ... )
    >>> len(result.trials), list(result.best_params)
    (3, ['learning_rate'])
    """

    @cached_property
    def best_model(self) -> Any:
        """The model of the best trial at its best epoch, trained when first asked for.

        Its bits are those that the search has seen. After cross-validation it is trained for as
        many epochs on all rows; an estimator is fitted on all rows.
        """
        return self.model(self.best.number)

    def model(self, number: int) -> Any:
        """The model of any trial at its best epoch, as `best_model`."""
        check_count(number, "number", 0)
        trial = next((t for t in self.trials if t.number == number), None)
        if trial is None:
            raise ValueError(f"there is no trial {number}; expected 0 to {len(self.trials) - 1}")
        if trial.epoch == 0:
            raise ValueError(f"trial {number} has no model: {trial.reason or trial.status}")
        member = self.subject.member(trial.params, trial.seed)
        if not self.subject.continues:
            return member.refit(self.data)
        data = self.data
        if len(data.held_out) > 1:
            data = Data(data.X, data.y, [None], data.fit, names=data.names)
            member.fit.pop("callbacks", None)
        member.advance(data, 0, trial.epochs, _StopAt(trial.epoch))
        return member.model

    def to_frame(self) -> Any:
        """A pandas DataFrame, a row a trial, indexed by its number.

        Raises
        ------
        ImportError
            Without pandas.
        """
        pandas = package("pandas", "to_frame makes a DataFrame of pandas", "pandas")
        columns = ("status", "value", "epoch", "epochs", "seconds", "seed", "round", "reason")
        rows = [t.params | {name: getattr(t, name) for name in columns} for t in self.trials]
        index = pandas.Index([t.number for t in self.trials], name="trial")
        order = [*columns[:2], *self.space.names(), *columns[2:]]
        return pandas.DataFrame(rows, index=index).reindex(columns=order)

    def importance(self) -> dict[str, float]:
        """How much of the trials' ranking each parameter explains alone, the largest first.

        From 0 to 1: the share of the variance of the ranks that lies between groups of like values,
        less what chance would put there (epsilon squared; Kelley 1935). What two parameters do
        together only is not seen. NaN where there are too few trials to tell.
        """
        return importance(self)

    def summary(self) -> None:
        """Print the best trials and which parameters mattered, by tier."""
        say(self.text())

    def text(self) -> str:
        """What `summary` prints."""
        states = [t.status for t in self.trials]
        counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
        lines = [f"{len(self.trials)} trials: {counts}; {self.seconds:.1f} s"]
        for t in self.ranked()[:TOP]:
            notes = "  ".join(f"{k} {v}" for k, v in self.space.note(t.point).items())
            lines.append(f"  {self.monitor} {t.value:.4g} at epoch {t.epoch}  {notes}")
        for name, share in self.importance().items():
            tier = TIERS.get(name)
            of_tier = f" (tier {tier})" if tier else ""
            lines.append(f"  {name}{of_tier}: {share:.0%} of the ranking")
        return "\n".join(lines + [f"  {text}" for text in self.edges()])

    def edges(self) -> list[str]:
        """Advice where the best trial lies at an end of a scale."""
        found = []
        for name, place in self.space.places(self.best.point).items() if self.ranked() else ():
            c = self.space[name]
            if c.is_free and hasattr(c.scale, "low") and not 0.05 < place < 0.95:
                end = "low" if place < 0.5 else "high"
                found.append(f"the best {name} lies at the {end} end of its scale; widen it")
        return found

    def plot(self, kind: str | None = None, axes: Any = None) -> Any:
        """Draw the search.

        Parameters
        ----------
        kind : {"scatter", "curves", "parallel"}, optional
            The two parameters that matter most, on their scales, with the zoom boxes; all learning
            curves, the best in colour; parallel coordinates. Default: all three.
        axes : matplotlib Axes, optional
            Where to draw one kind.

        Returns
        -------
        axes : list of matplotlib Axes

        Raises
        ------
        ImportError
            Without matplotlib: ``pip install "fastnn-mlp[plot]"``.
        """
        return draw(self, kind, axes)

    def retest(self, X: Any, y: Any, k: int = 3, neighbours: int = 2, cv: Any = 10) -> Any:
        """Try the best settings, and some close to them, on new data: keep them, or tune again?

        Settings go stale as data change. All are trained anew, on the same folds, with the same
        seeds.
        """
        return retest(self, X, y, k, neighbours, cv)

    def __repr__(self) -> str:
        if not self.ranked():
            return f"Result({len(self.trials)} trials, none done)"
        return (
            f"Result({len(self.trials)} trials, best {self.monitor} {self.best_value:.4g} with "
            f"{self.space.note(self.best.point)})"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the trials' values, and the best of them with their settings."""
        counts = f"{len(self.trials)} trials, {self.seconds:.1f} s"
        if not self.ranked():
            return notebook.shown(f"{counts}, none done")
        values = {self.monitor: [t.value for t in self.trials]}
        picture = notebook.chart(values, self.trials[0].number, self.best.number, "trial")
        names = list(self.space.names())
        rows = []
        for t in self.ranked()[:TOP]:
            notes = self.space.note(t.point)
            rows.append([t.number, float(t.value), t.epoch, *(notes.get(name) for name in names)])
        heads = "trial", self.monitor, "epoch", *names
        return notebook.shown(counts, picture, notebook.table(heads, rows))


class _StopAt(Watch):
    """Stops at an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__(None, math.inf, [], "", 1.0)
        self.epoch, self.every_epoch = epoch, True

    def on_epoch_end(self, model: Any, history: Any) -> bool:
        return len(history) >= self.epoch
