"""At the door of compile and fit: what would fail later is tried before any change."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from fastnn import losses, optimizers
from fastnn import metrics as metric_functions
from fastnn.callbacks.monitor import check_monitors
from fastnn.engine.layout import Layout
from fastnn.history import NOT_MEASURES
from fastnn.inputs.arrays import place
from fastnn.inputs.notes import warn
from fastnn.inputs.reading import Data
from fastnn.inputs.settings import as_limit
from fastnn.layers import Activation, Layer
from fastnn.losses import Custom, Loss
from fastnn.metrics import Metric
from fastnn.optimizers import LBFGS, Optimizer
from fastnn.training.building import check_output, fits_numbers, is_multilabel
from fastnn.training.network import Setup

COLUMNS = ("loss", "epoch", *NOT_MEASURES)
"""What the history calls its own."""


def as_setup(
    layers: Sequence[Layer], optimizer: Any, loss: Any, metrics: Any, weighted_metrics: Any,
    clip_norm: Any, clip_value: Any,
) -> Setup:  # fmt: skip
    """What `compile` is given, checked; own functions are compiled when they are needed."""
    plain = chosen_metrics(metrics, "metrics")
    weighted = chosen_metrics(weighted_metrics, "weighted_metrics", plain)
    setup = Setup(
        optimizers.get(optimizer), losses.get(loss), plain | weighted,
        as_limit(clip_norm, "clip_norm"), as_limit(clip_value, "clip_value"),
        frozenset(weighted), is_multilabel(layers),
    )  # fmt: skip
    check_output(layers, setup.loss)
    return setup


def chosen_metrics(given: Any, argument: str, beside: Collection[str] = ()) -> dict[str, Metric]:
    """Metrics by name, each a column of the history; of a name beside them, "weighted_..."."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f'{argument} is {given!r}; expected a list, such as ["accuracy"]')
    chosen: dict[str, Metric] = {}
    for name, metric in map(metric_functions.get, given):
        name = f"weighted_{name}" if name in beside else name
        fix = 'give it a name of its own: ("name", function)'
        if name in COLUMNS or name.startswith("val_"):
            raise ValueError(f'"{name}" is no name for a metric: the history uses it; {fix}')
        if name in chosen or name in beside:
            raise ValueError(f'two metrics are named "{name}"; leave one out, or {fix}')
        chosen[name] = metric
    return chosen


def refuse_classes(layers: Sequence[Layer], setup: Setup) -> None:
    """Refuse metrics of classes where the network fits numbers."""
    for name, metric in setup.metrics.items():
        if metric_functions.is_of_classes(metric) and fits_numbers(layers, setup.loss):
            raise ValueError(
                f'the metric "{name}" compares classes, but the loss "{setup.loss.name}" after '
                f'{layers[-1].name} fits numbers; use "r2", "rmse" or "mae", or for classes end '
                "with Softmax() or Sigmoid()"
            )


def check_columns(setup: Setup, validates: bool, callbacks: Sequence[Any]) -> list[str]:
    """The columns that this fit is going to record; callbacks that watch another are refused."""
    measures = ["loss", *setup.metrics]
    validated = [f"val_{name}" for name in measures] if validates else []
    others = [] if isinstance(setup.optimizer, LBFGS) else ["learning_rate", "gradient_norm"]
    columns = [*measures, *validated, *others]
    if callbacks:
        check_monitors(list(callbacks), columns)
    return columns


def try_own_parts(layers: Sequence[Layer], loss: Loss, dtype: np.dtype) -> None:
    """Compile a user's own functions."""
    own = [layer for layer in layers if isinstance(layer, Activation)]
    if not own and not isinstance(loss, Custom):
        return
    # Numba takes longer to import than all of fastnn.
    from fastnn.kernels.machine.custom import activation_addresses, loss_address

    for layer in own:
        activation_addresses(layer.function, layer.derivative, dtype)
    if isinstance(loss, Custom):
        loss_address(loss.function, dtype)


def try_rates(optimizer: Optimizer, step: int, steps: int, epochs: int) -> None:
    """Ask for the learning rates of an epoch of so many steps; say where a schedule ends too soon.

    `step` is the schedule's own.
    """
    if not callable(optimizer.learning_rate):
        return
    optimizer.rates(step, steps)

    def is_over(epoch: int) -> bool:
        return optimizer.is_over(step + epoch * steps + np.arange(steps))

    again = "compile it, or another one, again: it then starts at its step 0"
    warn_of_end(is_over, epochs, optimizer.learning_rate, again)


def warn_of_end(is_over: Callable[[int], bool], epochs: int, schedule: Any, again: str) -> None:
    """Say from which epoch of a fit on, numbered from 0, a schedule is over, if it will be."""
    if not is_over(epochs - 1):
        return
    first = bisect_left(range(epochs), True, key=is_over)
    when = f"from epoch {first + 1} of this fit on" if first else "in each epoch of this fit"
    fix = "give it more steps (fastnn.schedules.steps counts them), or fit fewer epochs"
    warn(
        f"the learning rate is 0 or as good as that {when}: the schedule {schedule!r} is over, and "
        f"nothing is learned; {fix if first else again}",
    )


def try_codes(layout: Layout, data: Data, names: Sequence[str] | None) -> None:
    """Refuse rows to train on that hold no codes where an Embedding reads them."""
    for k, at in layout.codes.items():
        layer: Any = layout.layers[k]
        codes = data.rows.X[data.index, at]
        wrong = (codes != np.floor(codes)) | (codes >= layer.categories)
        if not wrong.any():
            continue
        row = int(data.index[np.argmax(wrong)])
        value, most = data.rows.X[row, at], layer.categories - 1
        raise ValueError(
            f"X holds {value:.8g} at {place((row, at), names)}, where {layer!r} reads a code; "
            f"expected a whole number from 0 to {most}, or below 0 for what is missing; give codes "
            "as they are, neither scaled nor shifted, and one more than the largest as categories"
        )


def try_metrics(setup: Setup, data: Data, n_out: int, dtype: np.dtype) -> None:
    """Evaluate each metric on some of the targets and on outputs that a network might give."""
    for part in (data.training, data.validation) if setup.metrics else ():
        if part is None:
            continue
        targets = part.rows.targets
        for name, metric in setup.metrics.items():
            weighs = name in setup.weighted and part.rows.sample_weight is not None
            kind = targets.shape[1:], targets.dtype, weighs, n_out, dtype, setup.multilabel
            if not metric_functions.is_own(metric) and _fits(metric, *kind):
                continue
            y, weight = part.y, part.sample_weight if weighs else None
            few = _some_rows(y)
            some = None if weight is None else np.ones(len(few))
            failure = _failure(metric, y[few], some, n_out, dtype, setup.multilabel)
            if failure is not None:
                # It may need more rows than a few, such as one of every class.
                failure = _failure(metric, y, weight, n_out, dtype, setup.multilabel)
            if failure is not None:
                error = TypeError if isinstance(failure, TypeError) else ValueError
                form = "(y, prediction)" if weight is None else "(y, prediction, sample_weight)"
                raise error(
                    f'the metric "{name}", a function {form} -> float, fails on y of '
                    f"shape {y.shape} and a prediction of shape {(len(y), n_out)}: {failure}"
                ) from failure


@lru_cache(64)
def _fits(
    metric: Metric, row: tuple[int, ...], number: np.dtype, weighs: bool, n_out: int,
    dtype: np.dtype, multilabel: bool | None,
) -> bool:  # fmt: skip
    """Whether a metric of fastnn's takes all targets whose rows have this shape and type."""
    if metric_functions.is_of_classes(metric) and multilabel is None:
        # Nobody has looked whether these are classes.
        return False
    weight = np.ones(2) if weighs else None
    return _failure(metric, np.zeros((2, *row), number), weight, n_out, dtype, multilabel) is None


def _some_rows(y: np.ndarray) -> np.ndarray:
    """A few row numbers, spread over all, with the least and the largest target among them."""
    column = y if y.ndim == 1 else y[:, 0]
    spread = np.linspace(0, len(y) - 1, min(len(y), 8)).astype(np.int64)
    return np.unique([*spread, column.argmin(), column.argmax()])


def _failure(
    metric: Metric, y: np.ndarray, weight: Any, n_out: int, dtype: np.dtype, multilabel: bool | None
) -> Exception | None:
    """What a metric raises, or that it gives no number; NaN is one."""
    rows, columns = np.arange(len(y))[:, None], np.arange(n_out)
    # In (0, 1), each row of sum 1 where there are several, and not all rows alike.
    outputs = (1.0 + (rows % max(n_out, 2) == columns)) / max(n_out + 1, 3)
    try:
        with np.errstate(all="ignore"):
            value = metric_functions.evaluate(metric, y, outputs.astype(dtype), weight, multilabel)
        if np.ndim(value) != 0:
            return TypeError(f"it gave numbers of shape {np.shape(value)}; expected one number")
        if not hasattr(value, "__float__"):
            return TypeError(f"it gave {value!r:.60}; expected one number")
    except Exception as error:
        return error
    return None


def refuse_l1(layout: Layout, optimizer: Optimizer) -> None:
    """L-BFGS needs a smooth loss."""
    for k, layer in enumerate(layout.layers if isinstance(optimizer, LBFGS) else ()):
        l1 = getattr(layer, "l1", 0.0)
        if l1 > 0:
            raise ValueError(
                f"layer {k + 1} has l1={l1}; LBFGS needs a smooth loss, and L1 has a kink at 0: "
                "use l2, or another optimizer"
            )
