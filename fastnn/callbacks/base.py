"""The callback protocol: called as training goes, callbacks read and may ask to stop."""

from collections.abc import Sequence
from typing import Any

from fastnn.history import History


class Callback:
    """Base of all callbacks: override what you need; a plain callable serves as `on_epoch_end`.

    Callbacks may read the model and its history; of the model they may change
    `learning_rate_factor`, and at the end of the training its weights. They are called in the
    sequence of the list, at the end too; `ReduceOnPlateau` comes first, what saves the model last.

    Attributes
    ----------
    every_steps : int or None, default None
        Where `on_steps_end` must be called: whenever the model's number of steps is a multiple.
    every_epoch : bool, default True
        Whether `on_epoch_end` must follow each epoch. Where no callback asks for it, several may be
        taken in one go: training is then faster, and the history has several new rows.
    saves : bool, default False
        Whether it saves the model: such callbacks are called after the others, whose changes
        belong to what is saved.

    Examples
    --------
    >>> class StopAtHalf(Callback):
    ...     def on_epoch_end(self, model, history):
    ...         return history["loss"][-1] < 0.5
    """

    every_steps: int | None = None
    every_epoch: bool = True
    saves: bool = False
    _sets_rate: bool = False

    def on_train_begin(self, model: Any, epochs: int) -> None:
        """Before the first epoch of a `fit`."""

    def on_steps_end(self, model: Any, fraction: float) -> None:
        """Between two steps: some ten times a second, and at each multiple of `every_steps`.

        `fraction` of the epoch is done. The model may be saved there: the copy goes on in the
        middle of the epoch.
        """

    def on_epoch_end(self, model: Any, history: "History") -> bool | None:
        """After an epoch is recorded, or several (`every_epoch`). True stops the training."""

    def on_train_end(self, model: Any, history: "History") -> None:
        """After the last epoch, also after an error or Ctrl-C."""


class FunctionCallback(Callback):
    """A callable `(model, history) -> bool or None` as a callback."""

    def __init__(self, function: Any) -> None:
        self.on_epoch_end = function  # type: ignore[method-assign]


def get(spec: Any) -> Callback:
    """A callback from a callback or from a callable `(model, history)`."""
    if isinstance(spec, Callback):
        return spec
    if callable(spec) and not isinstance(spec, type):
        return FunctionCallback(spec)
    raise TypeError(
        f"got {spec!r} among the callbacks; expected a fastnn.Callback or a callable "
        "(model, history) that may return True to stop"
    )


def chosen(callbacks: Any) -> list[Callback]:
    """The callbacks of a list."""
    if not isinstance(callbacks, (list, tuple, Sequence)):
        raise TypeError(f"callbacks is {callbacks!r}; expected a list of callbacks")
    return sorted(map(get, callbacks), key=_turn) if callbacks else []


def _turn(callback: Callback) -> tuple[bool, bool]:
    """What sets a rate comes first, what saves the model last."""
    return callback.saves, not callback._sets_rate
