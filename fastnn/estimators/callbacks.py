"""scikit-learn's callback protocol (from its version 1.9 on): one task an epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks."""

    def with_callbacks(method: Callable) -> Callable:
        """The method."""
        return method


__all__ = ["CallbackSupportMixin", "Watch", "with_callbacks"]


class Watch:
    """Tells the callbacks of an estimator, if there are any, of each epoch.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    max_iter : int
        Largest number of epochs.
    X, y : array
        What a callback may score on.
    weight : array, optional
        Sample weights.
    """

    def __init__(self, estimator: Any, max_iter: int, X: Any, y: Any, weight: Any) -> None:
        self.estimator, self.max_iter = estimator, max_iter
        metadata = {} if weight is None else {"sample_weight": weight}
        self.data = {"X": X, "y": y, "metadata": metadata}
        self.context: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=max_iter)
        self.active = bool(self.context is not None and self.context._callbacks)
        self.task: Any = None
        self.count = 0

    def begin(self) -> None:
        """Before the first epoch."""
        if self.active:
            self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
            self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.count += 1
        self.task = self.context.subcontext(task_name="epoch")
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end_epoch(self) -> bool:
        """After an epoch; whether a callback asks to stop."""
        if not self.active:
            return False
        stop = self.task.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=self._as_fitted, **self.data
        )
        self.task = None
        if self.count < self.max_iter and not stop:
            self._begin_epoch()
        return bool(stop)

    def end(self) -> None:
        """After the last epoch."""
        if not self.active:
            return
        if self.task is not None:
            # No epoch follows the last one's end: an empty task.
            self.task.call_on_fit_task_end(estimator=self.estimator)
        self.context.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=self._as_fitted, **self.data
        )

    def _as_fitted(self) -> dict[str, Any]:
        """Attributes of a copy that predicts as the estimator does now."""
        machine = copy.deepcopy(self.estimator._machine)
        return {
            "_machine": machine,
            "coefs_": machine.coefs(),
            "intercepts_": machine.intercepts(),
        }
