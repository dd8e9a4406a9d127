"""scikit-learn's callback protocol (from its version 1.9 on): one task an epoch."""

from __future__ import annotations

import copy
import threading
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
OF_ALL = ("classes_", "_label_binarizer", "n_outputs_", "out_activation_", "n_layers_")
"""What members of an ensemble know together."""


class Watch:
    """Tells the callbacks of an estimator, if there are any, of its fit and of each epoch.

    The members of an ensemble are tasks of its one fit, with their epochs within; what a callback
    is given of one is the ensemble of this member alone.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        That the callbacks belong to.
    n : int
        Largest number of epochs; or number of members.
    X, y : array
        What a callback may score on.
    weight : array, optional
        Sample weights.
    parallel : bool, default False
        Whether members follow instead of epochs.
    """

    def __init__(
        self, estimator: Any, n: int, X: Any, y: Any, weight: Any, parallel: bool = False
    ) -> None:
        self.estimator, self.n, self.parallel = estimator, n, parallel
        metadata = {} if weight is None else {"sample_weight": weight}
        self.data = {"X": X, "y": y, "metadata": metadata}
        self.member: Any = None
        self.lock = threading.RLock()
        self.broken_off = getattr(estimator, "_broken_off", None) or threading.Event()
        """By Ctrl-C, of which members in threads do not hear: they end with their epoch. Estimators
        that are members of something else have the event of that."""
        self.context: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(
                max_subtasks=n, sequential_subtasks=not parallel
            )
        self.active = bool(self.context is not None and self.context._callbacks)
        self.task: Any = None
        self.count = 0

    def of_member(self, k: int, member: Any, max_iter: int) -> Watch:
        """The watch of one member, whose fit may be in another thread."""
        watch = copy.copy(self)
        watch.member, watch.n, watch.parallel = member, max_iter, False
        if self.active:
            watch.context = self.context.subcontext("member", k, max_subtasks=max_iter)
        return watch

    def unseen(self, member: Any) -> Watch:
        """The watch of a member of which no callback is told."""
        watch = copy.copy(self)
        watch.member, watch.parallel, watch.active = member, False, False
        return watch

    def begin(self) -> None:
        """Before the fit, and its first epoch."""
        if self.active:
            self._tell_begin(self.context)
            if not self.parallel:
                self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.count += 1
        self.task = self.context.subcontext(task_name="epoch")
        self._tell_begin(self.task)

    def end_epoch(self) -> bool:
        """After an epoch; whether to stop: a callback asks to, or it is broken off."""
        if not self.active:
            return self.broken_off.is_set()
        task, self.task = self.task, None
        stop = self._tell_end(task) or self.broken_off.is_set()
        if self.count < self.n and not stop:
            self._begin_epoch()
        return stop

    def end(self) -> None:
        """After the last epoch, and the fit."""
        if not self.active:
            return
        if self.task is not None:
            # No epoch follows the last one's end: an empty task.
            with self.lock:
                self.task.call_on_fit_task_end(estimator=self.estimator)
        self._tell_end(self.context)

    def _tell_begin(self, task: Any) -> None:
        with self.lock:
            task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def _tell_end(self, task: Any) -> bool:
        # Members train in threads, and what callbacks do need not be safe for these.
        with self.lock:
            return bool(
                task.call_on_fit_task_end(
                    estimator=self.estimator, reconstruction_attributes=self._as_fitted, **self.data
                )
            )

    def _as_fitted(self) -> dict[str, Any]:
        """Attributes of a copy that predicts as the estimator, or the member, does now."""
        if self.parallel:
            return {}
        trained = self.estimator if self.member is None else self.member
        machine = copy.deepcopy(trained._machine)
        own = {
            "_machine": machine,
            "coefs_": machine.coefs(),
            "intercepts_": machine.intercepts(),
        }
        if self.member is None:
            return own
        alone = copy.copy(self.member)
        vars(alone).update(own)
        known = {name: getattr(alone, name) for name in OF_ALL if hasattr(alone, name)}
        return known | {"estimators_": [alone]}
