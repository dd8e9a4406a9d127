"""MLPRegressor."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from fastnn.estimators import ensemble
from fastnn.estimators.base import BaseMLP
from fastnn.estimators.labels import one_column
from fastnn.estimators.parameters import OF_REGRESSOR, SHARED, check_solver
from fastnn.estimators.recipe import Objective, regressor_objective
from fastnn.estimators.scoring import r2


class MLPRegressor(RegressorMixin, BaseMLP):
    r"""A multi-layer perceptron for regression: scikit-learn's MLPRegressor, and more.

    Every parameter, attribute, error and random number of `sklearn.neural_network.MLPRegressor`
    (1.9) has the same name, meaning and default, so that a change of the import line is all:
    the same `random_state` even gives the same weights, to rounding. What follows are the
    parameters that scikit-learn's does not have; all are off by default.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate
        As in scikit-learn, and so are the three groups that follow. `activation` may also be
        "leaky_relu", "elu", "selu", "gelu", "silu", "softplus" or "mish". `warm_start` and
        `partial_fit` go on with the optimizer's state and the random numbers: n epochs make the
        same network in one call or in several.
    learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start
        As in scikit-learn.
    momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon
        As in scikit-learn.
    n_iter_no_change, max_fun
        As in scikit-learn.
    n_layers, n_units : int, optional
        Number of hidden layers, at most 1000, and units of each, in place of `hidden_layer_sizes`:
        two numbers that a search can sample.
    batch_norm : bool, default False
        Batch normalisation after each hidden layer's affine map (Ioffe & Szegedy 2015).
    dropout, input_dropout : float in [0, 1), default 0
        Probability of dropping a hidden unit, an input (Srivastava et al. 2014).
    init : str or callable, optional
        Start values of the weights, see `fastnn.initializers`. Default: scikit-learn's.
    optimizer : str or optimizer, optional
        Any of `fastnn`'s in place of `solver`, such as ``AdamW(3e-3)``; a name takes
        `learning_rate_init`.
    schedule : {"cosine", "coslog4"} or callable, optional
        Course of the learning rate over `max_iter` epochs, or over `max_time` where that is over
        first, as a factor of `learning_rate_init`; or a function from step numbers (n,) to learning
        rates (n,), see `fastnn.schedules`.
    warmup : int, default 0
        Number of first epochs over which the learning rate rises from 0.
    clip_norm : float, optional
        Limit of the norm of the whole gradient.
    l1 : float, default 0
        Strength of an L1 penalty on the weights, divided by the number of rows as `alpha` is.
    normalize : {"standard", "robust"}, optional
        Centre and scale each feature in the network: by mean and standard deviation, or by median
        and quartile distance, of the training rows.
    monitor : str or callable, optional
        Scorer of the validation rows. Default: R2.
    patience : int, optional
        Number of epochs without improvement after which it stops. Default: by
        `n_iter_no_change`, which lets one more pass.
    max_time : float, optional
        Seconds after which no further epoch begins; the members of an ensemble share them.
    refit : bool, default False
        After early stopping train anew on all rows, for as many epochs as were best.
    n_members : int, optional
        Number of networks, trained at once in threads and averaged (`estimators_`). With
        early stopping each holds out another fold. Default: 1, but see `preset`.
    categorical_features : array-like of bool, int or str, "from_dtype", optional
        For the preset alone: columns of categories, and [] for none. Default, as "from_dtype":
        those of text, of yes and no, and of a type for categories, such as pandas's "category".
        Dates and durations are refused.
    preset : {"tabular"}, optional
        Good defaults for tables: RealMLP-TD-S of Holzmueller et al. (2024, arXiv 2407.04491), with
        robust scaling and smooth clipping, one column for each category, gaps (NaN) told by a
        column of their own, a learned scale of each feature, and the weights of the epoch with the
        best R2 on the rows held out. It is five networks with three layers of 64 units and 60
        epochs of one cosine, in batches of 256 rows, below 10,000 rows of 64, each holding out
        another fifth (`estimators_`). Where `n_members=1` or a validation set is given, and in
        `partial_fit`, it is the paper's one network: layers of 256 units, four cycles of the
        learning rate over 256 epochs of batches of 256 rows, ended by 50 epochs without a better
        one. From 400 rows on up to 50 columns are encoded (`fastnn.PiecewiseLinearEncoding`) unless
        the first of the five does better without, or `normalize` is set; by one network alone from
        2,000 on. What you set yourself to another than its default value stays as you set it.
    loss : {"squared_error", "poisson", "absolute_error", "huber", "quantile"} or loss
        Default: "squared_error". Also any of `fastnn.losses`, such as
        ``Pinball((0.1, 0.5, 0.9))``, for which `predict` gives a column for each quantile.
    normalize_y : bool, default False
        Scale the targets to mean 0 and deviation 1 for training; `predict` scales back.

    Attributes
    ----------
    coefs_, intercepts_ : list of array
        Weights (inputs, outputs) and biases of each layer; changes to them count.
    loss_curve_, validation_scores_ : list of float
        Of each epoch.
    history_ : History
        All that each epoch measured: "loss", "val_loss", "val_score", "learning_rate", "seconds".
    estimators_ : list of MLPRegressor
        The members of an ensemble. Its coefs_, intercepts_, loss_curve_, validation_scores_ and
        history_ are lists of theirs, in the same sequence.
    loss_, best_loss_, best_validation_score_, n_iter_, t_, n_layers_, n_outputs_
        As in scikit-learn.
    out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from fastnn.estimators import MLPRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(normalize_y=True, n_members=3, patience=3, random_state=0)
    >>> model.fit(X, y).predict_std(X[:2]).shape
    (2,)
    """

    _parameter_constraints: ClassVar[dict] = SHARED | OF_REGRESSOR

    _y_mean: np.ndarray | None = None
    _y_scale: np.ndarray | None = None

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        n_layers: int | None = None,
        n_units: int | None = None,
        batch_norm: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        init: Any = None,
        optimizer: Any = None,
        schedule: Any = None,
        warmup: int = 0,
        clip_norm: float | None = None,
        l1: float = 0.0,
        normalize: str | None = None,
        monitor: Any = None,
        patience: int | None = None,
        max_time: float | None = None,
        refit: bool = False,
        n_members: int | None = None,
        categorical_features: Any = None,
        preset: str | None = None,
        normalize_y: bool = False,
    ) -> None:
        self._set(locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """Fit the network to X (n, features) and targets y.

        Parameters
        ----------
        X : array, sparse matrix (CSR, CSC) or data frame (n, features)
            Rows of a sparse matrix are made dense a few batches at a time.
        y : array (n,) or (n, targets)
        sample_weight : array (n,), optional
            A row of weight 2 counts as two, one of weight 0 not at all: in the loss, its gradient
            and `normalize`. That is the same to rounding as rows left out or repeated where a batch
            is all rows, but for batch norm, whose moments count each row of a batch once, dropout,
            which draws for each row, and early stopping, which holds out rows.
        X_val, y_val, sample_weight_val : array, optional
            Rows to score after each epoch. With `early_stopping` they take the place of the part
            held out, and nothing is held out.

        Returns
        -------
        self : MLPRegressor
        """
        extra = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return self._fit(X, y, sample_weight, extra, False)

    @available_if(check_solver)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """One more epoch, on the rows given; as many calls make what one `fit` makes.

        Parameters
        ----------
        X, y, sample_weight : as for `fit`

        Returns
        -------
        self : MLPRegressor
        """
        return self._fit(X, y, sample_weight, {}, True)

    def predict(self, X: Any) -> np.ndarray:
        """Targets (n,) or (n, targets) for X (n, features); several quantiles are columns."""
        values = self._probabilities(X)
        return values[:, 0] if values.shape[1] == 1 else values

    def predict_std(self, X: Any) -> np.ndarray:
        """Standard deviation of `predict` over the members of an ensemble."""
        check_is_fitted(self, "estimators_", msg=ensemble.NO_SPREAD)
        spread = ensemble.outputs(self, X).std(axis=0)
        return spread[:, 0] if spread.shape[1] == 1 else spread

    # ------------------------------------------------------------- what `BaseMLP` asks

    def _probabilities(self, X: Any) -> np.ndarray:
        """Predictions (n, n_outputs); of an ensemble the mean."""
        check_is_fitted(self)
        if hasattr(self, "estimators_"):
            return ensemble.outputs(self, X).mean(axis=0)
        return self._answers(self._outputs(X))

    def _answers(self, outputs: np.ndarray) -> np.ndarray:
        values, units = self._link(outputs), self._units(outputs.shape[1])
        if units is not None:
            scale, mean = units
            values = values * scale + mean
        return values

    def _units(self, n_out: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Scale and mean (n_out,) that outputs have in the targets' units, if these were scaled."""
        if self._y_scale is None or self._y_mean is None:
            return None
        repeats = n_out // len(self._y_scale)
        return np.repeat(self._y_scale, repeats), np.repeat(self._y_mean, repeats)

    def _read_y(self, y: Any, X: Any) -> np.ndarray:
        return check_array(y, ensure_2d=False, dtype="numeric")

    def _known(self, y: Any, s: Any, incremental: bool) -> np.ndarray:
        return one_column(y)

    def _strata(self, y: np.ndarray) -> Any:
        return None

    def _weighted(self, s: Any, y: np.ndarray, weight: Any, incremental: bool) -> Any:
        return weight

    def _targets(self, s: Any, y: Any, dtype: np.dtype, first: bool) -> tuple[np.ndarray, bool]:
        """Targets (n, T), scaled where that is wanted."""
        rows = y[:, None] if y.ndim == 1 else y
        if first:
            self._y_mean = self._y_scale = None
            if s.normalize_y:
                mean, scale = _mean_and_deviation(rows)
                self._y_mean, self._y_scale = mean, np.where(scale == 0, 1.0, scale)
        if self._y_scale is not None:
            rows = (rows - self._y_mean) / self._y_scale
        return np.ascontiguousarray(rows, dtype), False

    def _objective(self, s: Any, targets: np.ndarray, labels: bool) -> Objective:
        return regressor_objective(s.loss, targets.shape[1])

    def _plain_score(self, y: np.ndarray, outputs: np.ndarray, weight: Any) -> float:
        """R2; of several quantiles the middle one's."""
        per_target = outputs.shape[1] // y.shape[1]
        return r2(y, outputs[:, per_target // 2 :: per_target], weight)

    def _preset_score(self, y: np.ndarray, outputs: np.ndarray, weight: Any) -> float:
        return self._plain_score(y, outputs, weight)

    def _link(self, outputs: np.ndarray) -> np.ndarray:
        return np.exp(outputs) if self.out_activation_ == "exp" else outputs


def _mean_and_deviation(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each column, however large or small its numbers are."""
    # By powers of two, which round nothing; squares of the numbers as they come might overflow.
    power = np.frexp(np.abs(rows).max(axis=0))[1]
    near = np.ldexp(rows, -power)
    return np.ldexp(near.mean(axis=0), power), np.ldexp(near.std(axis=0), power)
