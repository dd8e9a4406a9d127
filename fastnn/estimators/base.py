"""What MLPClassifier and MLPRegressor share: the way from parameters to a fitted network.

Wherever scikit-learn's MLP has an attribute, an error or a random number, it is the same here.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from fastnn.estimators import ensemble
from fastnn.estimators.callbacks import CallbackSupportMixin, Watch, with_callbacks
from fastnn.estimators.conversions import Conversions
from fastnn.estimators.full_batch import train_lbfgs
from fastnn.estimators.holdout import as_weights, hold_out, read_weights
from fastnn.estimators.inputs import read_features, read_training, unchanged_by_errors
from fastnn.estimators.machine import Machine
from fastnn.estimators.normalize import set_moments
from fastnn.estimators.presets import defaults_of, own_class, settings_of
from fastnn.estimators.recipe import (
    Objective,
    check_loss,
    check_targets,
    hidden_sizes,
    network_layers,
    solver_of,
)
from fastnn.estimators.rows import rows_of
from fastnn.estimators.stochastic import NOT_FINITE, Fit, train_stochastic
from fastnn.estimators.temperature import calibrate, hold_answers
from fastnn.history import History
from fastnn.inputs.reading import Data
from fastnn.inputs.rows import Rows
from fastnn.losses import MSE
from fastnn.training.turns import one_at_a_time


class BaseMLP(CallbackSupportMixin, Conversions, BaseEstimator):
    """The common part; use MLPClassifier or MLPRegressor."""

    _machine: Machine
    validation_scores_: list[float] | None
    best_loss_: float | None

    def _set(self, parameters: dict[str, Any]) -> None:
        """Store the parameters of `__init__`, as they are."""
        for name, value in parameters.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        # A signature takes as long to read as some epochs of a small network.
        return super()._get_param_names()

    def _validate_params(self) -> None:
        """As scikit-learn's, of the parameters that are not left at fastnn's own defaults."""
        defaults = defaults_of(own_class(self))
        given = self.get_params(deep=False).items()
        chosen = {k: v for k, v in given if k not in defaults or v is not defaults[k]}
        name = type(self).__name__
        validate_parameter_constraints(self._parameter_constraints, chosen, caller_name=name)

    # ------------------------------------------------------------------------- fit

    @with_callbacks
    @one_at_a_time
    def _fit(self, X: Any, y: Any, sample_weight: Any, extra: dict, incremental: bool) -> Any:
        s = self._settings(incremental)
        members = ensemble.size(self, s, y, extra, incremental)
        if members > 1:
            return ensemble.fit(self, members, s, X, y, sample_weight, extra, incremental)
        return self._run(self._ready(s, X, y, sample_weight, extra, incremental))

    def _settings(self, incremental: bool) -> Any:
        """The parameters, checked."""
        s = settings_of(self)
        hidden_sizes(s)
        check_loss(s, is_classifier(self))
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        s.early_stopping = s.early_stopping and not incremental
        return s

    def _ready(
        self, s: Any, X: Any, y: Any, sample_weight: Any, extra: dict, incremental: bool
    ) -> Fit:
        """What comes before training; where something is refused, the estimator is as before."""
        with unchanged_by_errors(self):
            return self._checked(s, X, y, sample_weight, extra, incremental)

    def _checked(
        self, s: Any, X: Any, y: Any, sample_weight: Any, extra: dict, incremental: bool
    ) -> Fit:
        first = not ensemble.is_single(self) or (not s.warm_start and not incremental)
        table, (X, y) = X, extra.get("read") or read_training(self, X, y, s, first)
        # It knows its knots when it has read X.
        s.encoding = getattr(getattr(self, "_inputs", None), "encoding", None)
        y = self._known(y, s, incremental)
        if sample_weight is not None:
            sample_weight = read_weights(sample_weight, X)
        epochs = 1 if incremental else s.max_iter
        watch = extra.get("watch") or Watch(self, epochs, table, y, sample_weight)
        weight = self._weighted(s, y, sample_weight, incremental)
        if weight is not None:
            weight = as_weights(weight)
        if first:
            self._begin(s)
        targets, labels = self._targets(s, y, X.dtype, first)
        objective = self._objective(s, targets, labels)
        check_targets(objective, targets, labels)
        rows = rows_of(X, targets, labels, weight)
        self._prepare(s, X, objective, first)
        data, score = hold_out(self, s, table, rows, y, extra, incremental)
        if first:
            set_moments(self._machine, s.normalize, data.training)
        return Fit(
            self, s, self._machine, objective, data, score, incremental, watch, epochs,
            fixed=isinstance(s.schedule, str),
        )  # fmt: skip

    def _run(self, fit: Fit) -> Any:
        """Train a single network."""
        self._learn(fit)
        calibrate([fit])
        return self

    def _learn(self, fit: Fit) -> None:
        """Train."""
        # A refit has another one.
        watch = fit.watch
        watch.begin()
        self._train(fit)
        hold_answers(fit)
        if fit.settings.refit and fit.score is not None and fit.settings.early_stopping:
            self._refit(fit)
        watch.end()

    def _train(self, fit: Fit) -> None:
        by = train_lbfgs if solver_of(fit.settings) == "lbfgs" else train_stochastic
        by(fit)
        if not np.isfinite(self._machine.state.parameters).all():
            raise ValueError(NOT_FINITE)

    def _refit(self, fit: Fit) -> None:
        """Train anew on all rows, for as many epochs as were best."""
        s, e, X = fit.settings, self, fit.data.rows.X
        s.early_stopping, s.n_iter_no_change, s.patience = False, np.inf, None
        fit.machine = self._new_machine(s, X, fit.objective)
        fit.data, fit.score = Data(fit.data.rows, np.arange(X.shape[0])), None
        fit.max_iter = e._best[1] if e._best else e.n_iter_
        fit.watch, fit.fixed = SimpleNamespace(active=False, end_epoch=lambda: False), True
        set_moments(fit.machine, s.normalize, fit.data.training)
        # The curves, and what was best, stay those of the first training.
        fit.estimator = SimpleNamespace(
            t_=0, loss_curve_=[], history_=History(), best_loss_=np.inf, _no_improvement_count=0
        )
        train_stochastic(fit)
        self._adopt(fit.machine)

    def _begin(self, s: Any) -> None:
        """Attributes of an estimator that has seen nothing yet."""
        self.n_iter_ = self.t_ = 0
        self.history_ = History()
        for name in ("estimators_", "loss_curve_", "best_loss_", "validation_scores_"):
            self.__dict__.pop(name, None)
        if solver_of(s) != "lbfgs":
            early = s.early_stopping
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            self.best_loss_ = None if early else np.inf
            self.validation_scores_ = [] if early else None
            self.best_validation_score_ = -np.inf if early else None

    # --------------------------------------------------------------------- network

    def _prepare(self, s: Any, X: Any, objective: Objective, first: bool) -> None:
        """The network to train: a new one, or the one there is, as it now is to be."""
        if first:
            self._adopt(self._new_machine(s, X, objective))
            self.n_outputs_, self.out_activation_ = self._machine.n_out, objective.out_activation
            self.n_layers_ = len(self._machine.dense) + 1
            self._best: Any = None
            """Weights and number of the epoch with the best validation score."""
            return
        if not hasattr(self, "_machine"):
            # Somebody has filled in the attributes of a fitted estimator by hand.
            self._machine = self._new_machine(s, X, objective)
            self._best, self.history_ = None, History()
        chain = network_layers(s, X.shape[1], objective)
        self._machine.relayer(chain)
        self._take_coefs()

    def _new_machine(self, s: Any, X: Any, objective: Objective) -> Machine:
        """A network, its weights drawn in scikit-learn's sequence."""
        random_state = check_random_state(s.random_state)
        seed = random_state.randint(2**31 - 1) if s.dropout or s.input_dropout else 0
        chain = network_layers(s, X.shape[1], objective)
        machine = Machine(chain, X.shape[1], X.dtype, random_state, seed)
        if s.init is None:
            machine.draw_as_sklearn(logistic=s.activation == "logistic")
        else:
            machine.draw(s.bias_deviation)
        return machine

    def _adopt(self, machine: Machine) -> None:
        self._machine = machine
        self.coefs_, self.intercepts_ = machine.coefs(), machine.intercepts()
        self._shown = [*self.coefs_, *self.intercepts_]

    def _take_coefs(self) -> None:
        """Let arrays count that the user has put into coefs_ or intercepts_."""
        given, shown = [*self.coefs_, *self.intercepts_], getattr(self, "_shown", [])
        if len(given) != len(shown) or any(a is not b for a, b in zip(given, shown, strict=True)):
            self._machine.take(self.coefs_, self.intercepts_)
            self._adopt(self._machine)

    def _network(self) -> Machine:
        """The network to predict with; one of coefs_ and intercepts_ alone, where they are all."""
        if hasattr(self, "_machine"):
            self._take_coefs()
            return self._machine
        s = settings_of(self)
        s.hidden_layer_sizes = [W.shape[1] for W in self.coefs_[:-1]]
        s.n_layers = s.n_units = s.init = s.random_state = None
        n_out = self.coefs_[-1].shape[1]
        objective = Objective(MSE(), self.out_activation_, n_out)
        machine = self._new_machine(s, self.coefs_[0].T, objective)
        machine.take(self.coefs_, self.intercepts_)
        return machine

    # --------------------------------------------------------------------- predict

    def _outputs(self, X: Any) -> np.ndarray:
        """What the network answers for X, (n, n_outputs)."""
        check_is_fitted(self)
        machine = self._network()
        named = hasattr(self, "feature_names_in_") or hasattr(self, "_inputs")
        if not named:
            outputs = machine.predict_run().predict_plain(X)
            if outputs is not None:
                return outputs
        return self._computed(rows_of(read_features(self, X)))

    def _computed(self, rows: Rows, logits: bool = False) -> np.ndarray:
        """What the network answers for rows, or what it has before its softmax or sigmoid."""
        machine = self._network()
        if rows.X.shape[1] != machine.n_in:
            raise ValueError(
                f"X has {rows.X.shape[1]} features, but {type(self).__name__} is expecting "
                f"{machine.n_in} features as input"
            )
        before_last = len(machine.layers) - 1 if logits and machine.has_output_layer else None
        return machine.outputs(rows, before_last)

    def _answers(self, outputs: np.ndarray) -> np.ndarray:
        """What the network's outputs stand for."""
        return outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.preset is None and self.normalize != "robust"
        tags.input_tags.allow_nan = self.preset is not None
        return tags

    def __getstate__(self) -> dict[str, Any]:
        kept = super().__getstate__()
        if hasattr(self, "estimators_"):
            return {k: v for k, v in kept.items() if k not in ensemble.BY_MEMBER}
        if not hasattr(self, "_machine"):
            return kept
        # Each weight once: the arrays shown share memory with the network, which comes along, and
        # after training it has the best epoch's weights.
        self._take_coefs()
        kept = {k: v for k, v in kept.items() if k not in ("_shown", "coefs_", "intercepts_")}
        if self._best is not None and np.array_equal(self._best[0], self._machine.keep()):
            kept["_best"] = None, self._best[1]
        return kept

    def __setstate__(self, kept: dict[str, Any]) -> None:
        super().__setstate__(kept)
        if hasattr(self, "estimators_"):
            if hasattr(self.estimators_[0], "_inputs"):
                # In pickles of version 0.1 each member held the same encoder.
                self.__dict__.setdefault("_inputs", self.estimators_[0]._inputs)
            ensemble.show_members(self)
        elif hasattr(self, "_machine"):
            self._adopt(self._machine)
            if self._best is not None and self._best[0] is None:
                self._best = self._machine.keep(), self._best[1]
