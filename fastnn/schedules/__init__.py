"""Schedules: the learning rate as a function of the step, declared.

Each is a frozen dataclass, called with step numbers from 0, an array (n,), and answers with
float64 rates (n,). It keeps no state: a step has the same rate whatever was asked before, so that
a training goes on where it stopped. Any callable of that form serves as well.

Steps are mini-batches, counted over the model's life, not epochs; the function `steps` converts.
With `warmup_steps` the rate first climbs on a line, (t + 1) / (warmup_steps + 1) of the first
rate at step t (Goyal et al. 2017), and all else is counted from the end of that: with 3 of them
.25, .5, .75 and 1 of it. Keras's begins with a step at rate 0: 0, 1/3, 2/3 and 1. Past its end a
schedule holds its last rate.
"""

from numbers import Integral

from fastnn.inputs.calls import explained, explained_parts
from fastnn.inputs.settings import is_switch
from fastnn.schedules.base import Schedule
from fastnn.schedules.cosines import Cosine, CosineRestarts, OneCycle
from fastnn.schedules.decays import (
    Constant,
    Exponential,
    InverseTime,
    Piecewise,
    Polynomial,
    StepDecay,
)

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseTime",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "Schedule",
    "StepDecay",
    "steps",
]

SCHEDULES: dict[str, type[Schedule]] = {
    cls.__name__: cls
    for cls in (
        Constant, Piecewise, StepDecay, Exponential, InverseTime, Polynomial, Cosine,
        CosineRestarts, OneCycle,
    )
}  # fmt: skip
"""By name; that and the fields, plain numbers and tuples, are all that there is to save."""
explained_parts(SCHEDULES.values())


@explained
def steps(epochs: int, n_rows: int, batch_size: int | None = 32) -> int:
    """The number of steps that `fit` takes for so many epochs.

    Parameters
    ----------
    epochs : int
    n_rows : int
        Rows that are trained on: without those that `validation_split` holds out.
    batch_size : int or None, default 32
        As for `fit`; None is all rows at once.

    Returns
    -------
    steps : int
        epochs * ceil(n_rows / batch_size); one less an epoch where the last batch would be a
        single row, for that joins the one before it.

    Raises
    ------
    ValueError
        For anything but whole numbers of at least 1.

    Examples
    --------
    >>> from fastnn.schedules import Cosine, steps
    >>> Cosine(0.1, steps(epochs=20, n_rows=1797, batch_size=32))
    Cosine(learning_rate=0.1, decay_steps=1140, end_learning_rate=0.0, warmup_steps=0)
    """
    size = n_rows if batch_size is None else batch_size
    for name, value in (("epochs", epochs), ("n_rows", n_rows), ("batch_size", size)):
        if is_switch(value) or not isinstance(value, Integral) or value < 1:
            also = ", or None for all rows" if name == "batch_size" else ""
            raise ValueError(f"{name} is {value!r}; expected a whole number of at least 1{also}")
    batches = -(-n_rows // size)
    last = n_rows - size * (batches - 1)
    return int(epochs * (batches - (last == 1 and batches > 1)))
