"""Templates: estimators in scikit-learn's manner as what is tuned."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn.inputs.names import unknown
from fastnn.inputs.packages import package
from fastnn.inputs.settings import is_one_of
from fastnn.tune.splits import Data
from fastnn.tune.trial import Curves

SCORE = "score"


class EstimatorMember:
    """One estimator: it is fitted in one go and scored once."""

    def __init__(self, estimator: Any, scorer: Any, fit: dict[str, Any]) -> None:
        self.estimator, self.scorer, self.fit = estimator, scorer, fit
        self.epochs, self.trained, self.finished = 1, 0, False
        self.curves: Curves = {}

    def advance(self, data: Data, fold: int, target: int, watch: Any) -> None:
        """Fit on the fold's rows, score on those held out."""
        learned, held_out = data.learned(fold), data.held_out[fold]
        fit = {**self.fit, **data.fit}
        judged = fit.pop("validation_data", None)
        weight = fit.pop("sample_weight", None)
        if weight is not None:
            fit["sample_weight"] = np.asarray(weight)[learned]
        self.estimator.fit(rows_of(data.X, learned), rows_of(data.y, learned), **fit)
        if judged is None:
            judged = rows_of(data.X, held_out), rows_of(data.y, held_out)
        score = float(self.scorer(self.estimator, *judged[:2]))
        if not math.isfinite(score):
            raise ValueError(f"the score is {score}")
        self.curves, self.trained = {"score": [score]}, 1

    def refit(self, data: Data) -> Any:
        """The estimator, fitted on all rows."""
        fit = {k: v for k, v in {**self.fit, **data.fit}.items() if k != "validation_data"}
        return self.estimator.fit(data.X, data.y, **fit)

    def cost(self, data: Data) -> float:
        """Nothing is known of it."""
        return 0.0


class Template:
    """Copies of an estimator with other parameters."""

    continues = False

    def __init__(self, estimator: Any, fit: dict[str, Any]) -> None:
        self.estimator = estimator
        # An estimator's own parameters say how long it trains.
        self.fit = {name: value for name, value in fit.items() if name != "epochs"}
        self.scorer: Any = own_score
        self.measure = _own_measure(estimator)

    def check(self, names: list[str]) -> None:
        """Refuse parameters that the estimator does not have."""
        known = self.estimator.get_params()
        for name in names:
            if name not in known:
                raise unknown("parameter", name, known)

    def also_decides(self, data: Data, text: Callable[[Any], str]) -> list[str]:
        """What else decides a score: who measures it, and the names and types of the columns."""
        scorer = [] if self.scorer is own_score else [f"scorer {text(self.scorer)}"]
        names = getattr(data.X, "columns", None)
        if names is None:
            return scorer
        kinds = [str(kind) for kind in getattr(data.X, "dtypes", ())]
        return [*scorer, f"columns {list(names)} {kinds}"]

    def member(self, params: Mapping[str, Any], seed: int) -> EstimatorMember:
        """A fresh estimator with some parameters."""
        estimator = copy.deepcopy(self.estimator)
        known = estimator.get_params()
        if "random_state" in known and known["random_state"] is None:
            params = {"random_state": seed, **params}
        estimator.set_params(**params)
        return EstimatorMember(estimator, self.scorer, dict(self.fit))

    def monitor(self, monitor: Any, mode: str, first: Any) -> tuple[str, float]:
        """Scores: more is better, unless said otherwise."""
        if callable(monitor):
            self.scorer, self.measure = monitor, getattr(monitor, "__name__", "score")
        elif not is_one_of(monitor, (None, "score")):
            self.scorer, self.measure = _named_scorer(monitor), str(monitor)
        if not is_one_of(mode, ("auto", "min", "max")):
            raise ValueError(f'mode is {mode!r}; expected "auto", "min" or "max"')
        return "score", 1.0 if mode == "min" else -1.0


def _own_measure(estimator: Any) -> str:
    """What scikit-learn's estimators score by, unless they say otherwise."""
    try:
        from sklearn.base import is_classifier, is_regressor

        return (
            "accuracy" if is_classifier(estimator) else "r2" if is_regressor(estimator) else SCORE
        )
    except (ImportError, AttributeError):
        # Without scikit-learn, or an estimator that is in its manner only.
        return SCORE


def own_score(estimator: Any, X: Any, y: Any) -> float:
    """The estimator's own score."""
    return estimator.score(X, y)


def rows_of(array: Any, index: Any) -> Any:
    """Some rows of an array, a frame or a sparse matrix."""
    array = array.tocsr() if hasattr(array, "tocsr") else array
    return array.iloc[index] if hasattr(array, "iloc") else array[index]


def _named_scorer(name: Any) -> Any:
    use = f"the monitor {name!r} is a scorer of scikit-learn"
    metrics = package("sklearn.metrics", use, '"fastnn-mlp[sklearn]"')
    try:
        return metrics.get_scorer(name)
    except (KeyError, ValueError):
        raise unknown("monitor", name, metrics.get_scorer_names()) from None
