"""Metrics: what a prediction is worth, as one number.

A metric is a function ``(y, prediction, sample_weight=None) -> float``.  `prediction` (n, K) is the
network's output; K = 1 is the probability of class 1.  `y` is one of

- integer labels (n,),
- rows (n, K) of one-hot or soft targets, whose class is the largest entry,
- rows (n, K) of several independent labels (multi-label), each on above 0.5,
- real targets (n,) or (n, T), for `mse`, `rmse`, `mae` and `r2`.

Which of the two kinds of rows it is, a model's last layer says: `Softmax` or `Sigmoid`. A function
called by itself is told by ``multilabel=True`` or ``False``; by default the rows are multi-label
unless each of them sums to 1. Weights (n,) count a row that often; 0 leaves it out.
"""

from __future__ import annotations

from typing import Any

from fastnn.inputs.names import unknown
from fastnn.metrics.classes import Metric as Metric
from fastnn.metrics.classes import accuracy as accuracy
from fastnn.metrics.classes import f1 as f1
from fastnn.metrics.classes import log_loss as log_loss
from fastnn.metrics.classes import precision as precision
from fastnn.metrics.classes import recall as recall
from fastnn.metrics.classes import roc_auc as roc_auc
from fastnn.metrics.classes import top_k as top_k
from fastnn.metrics.numbers import mae as mae
from fastnn.metrics.numbers import mse as mse
from fastnn.metrics.numbers import r2 as r2
from fastnn.metrics.numbers import rmse as rmse
from fastnn.metrics.truth import Array

__all__ = [
    "accuracy",
    "f1",
    "log_loss",
    "mae",
    "mse",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "top_k",
]

METRICS: dict[str, Metric] = {
    f.__name__: f for f in (accuracy, precision, recall, f1, roc_auc, log_loss, mse, rmse, mae, r2)
}


FALLING = ("loss", "log_loss", "mse", "rmse", "mae")
"""Of these less is better; of the other metrics, more."""


def direction(column: str) -> str | None:
    """Whether a column of the history is to fall, "min", or to rise, "max"; None: unknown.

    Examples
    --------
    >>> direction("val_accuracy")
    'max'
    """
    name = column.removeprefix("val_").removeprefix("weighted_")
    if name in FALLING:
        return "min"
    return "max" if name in METRICS or name.startswith("top_") else None


def get(spec: object) -> tuple[str, Metric]:
    """The name and the function that `spec` asks for.

    `spec` is a name (``"acc"`` is ``"accuracy"``, ``"top_5"`` is ``top_k(5)``), a function
    ``(y, prediction) -> float``, or a pair of the name to show and such a function.

    Examples
    --------
    >>> get("acc")[0]
    'accuracy'
    """
    if isinstance(spec, str):
        if spec.startswith("top_") and spec[4:].isdecimal():
            return spec, top_k(int(spec[4:]))
        name = "accuracy" if spec == "acc" else spec
        if name not in METRICS:
            raise unknown("metric", spec, [*METRICS, "top_5"])
        return name, METRICS[name]
    if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], str):
        return spec[0], get(spec[1])[1]
    if callable(spec):
        return getattr(spec, "__name__", type(spec).__name__), spec
    raise TypeError(
        f"a metric is given as {spec!r}; expected a name, a function (y, prediction) -> float "
        'or a pair such as ("name", function)'
    )


def is_of_classes(metric: Metric) -> bool:
    """Whether it is one of the metrics here that compare classes."""
    return getattr(metric, "of_classes", False)


def is_own(metric: Metric) -> bool:
    """Whether it is a user's, and none of the metrics here."""
    return not str(getattr(metric, "__module__", "")).startswith(__name__)


def evaluate(
    metric: Metric, y: Array, prediction: Array, sample_weight: Any, multilabel: bool | None
) -> Any:
    """What a metric, built in or a user's own, gives for a model's rows, with weights or without.

    Examples
    --------
    >>> y = np.array([[1, 0, 0]])
    >>> evaluate(accuracy, y, np.array([[0.4, 0.1, 0.1]]), None, multilabel=False)
    1.0
    """
    more = {} if sample_weight is None else {"sample_weight": sample_weight}
    if is_of_classes(metric):
        more["multilabel"] = multilabel
    return metric(y, prediction, **more)
