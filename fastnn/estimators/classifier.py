"""MLPClassifier."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import check_is_fitted

from fastnn.estimators import ensemble
from fastnn.estimators.classes import OfClasses
from fastnn.estimators.ensemble import is_more_than_one_network
from fastnn.estimators.labels import both, log_odds
from fastnn.estimators.parameters import OF_CLASSIFIER, SHARED, check_solver


class MLPClassifier(ClassifierMixin, OfClasses):
    r"""A multi-layer perceptron that classifies: scikit-learn's MLPClassifier, and more.

    Every parameter, attribute, error and random number of `sklearn.neural_network.MLPClassifier`
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
        Scorer of the validation rows. Default: accuracy; of the preset the mean log-likelihood.
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
        column of their own, a learned scale of each feature, and the weights of the epoch likeliest
        on the rows held out. It is five networks with three layers of 128 units and 30 epochs of
        one cosine in batches of 256 rows, below 10,000 rows of 64 units and in batches of 64, each
        holding out another fifth (`estimators_`). Where `n_members=1` or a validation set is given,
        and in `partial_fit`, it is the paper's one network: layers of 256 units, four cycles of the
        learning rate over 256 epochs of batches of 256 rows, ended by 50 epochs without a better
        one. From 400 rows on up to 50 columns are encoded (`fastnn.PiecewiseLinearEncoding`) unless
        the first of the five does better without, or `normalize` is set; by one network alone from
        2,000 on. Then one temperature (Guo et al. 2017), the likeliest on the rows held out,
        becomes part of the last layers, so that probabilities can be believed; `validation_scores_`
        are of before. What you set yourself to another than its default value stays as you set it.
    loss : {"log_loss", "squared_error"} or loss, default "log_loss"
        Also any of `fastnn.losses` that fits a softmax, or a sigmoid for two classes.
    class_weight : "balanced", dict or list, optional
        Weight of each class, as elsewhere in scikit-learn.
    label_smoothing : float in [0, 1), default 0
        Share of each target spread evenly over the classes (Szegedy et al. 2016).

    Attributes
    ----------
    coefs_, intercepts_ : list of array
        Weights (inputs, outputs) and biases of each layer; changes to them count.
    loss_curve_, validation_scores_ : list of float
        Of each epoch.
    history_ : History
        All that each epoch measured: "loss", "val_loss", "val_score", "learning_rate", "seconds".
    estimators_ : list of MLPClassifier
        The members of an ensemble. Its coefs_, intercepts_, loss_curve_, validation_scores_ and
        history_ are lists of theirs, in the same sequence.
    classes_, loss_, best_loss_, best_validation_score_, n_iter_, t_, n_layers_, n_outputs_
        As in scikit-learn.
    out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from fastnn.estimators import MLPClassifier
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((32,), batch_norm=True, dropout=0.1, patience=3, random_state=0)
    >>> model.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict] = SHARED | OF_CLASSIFIER

    def __init__(
        self,
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
        loss: Any = "log_loss",
        class_weight: Any = None,
        label_smoothing: float = 0.0,
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
    ) -> MLPClassifier:
        """Fit the network to X (n, features) and labels y.

        Parameters
        ----------
        X : array, sparse matrix (CSR, CSC) or data frame (n, features)
            Rows of a sparse matrix are made dense a few batches at a time.
        y : array (n,) or (n, labels)
            Class labels of any type, or 0 and 1 for several labels at once.
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
        self : MLPClassifier
        """
        extra = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return self._fit(X, y, sample_weight, extra, False)

    @available_if(check_solver)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """One more epoch, on the rows given; as many calls make what one `fit` makes.

        Parameters
        ----------
        X, y, sample_weight : as for `fit`
        classes : array (n_classes,), optional
            All classes there will be; needed in the first call.

        Returns
        -------
        self : MLPClassifier
        """
        extra = {}
        if _check_partial_fit_first_call(self, classes):
            self._expect(classes, y)
            extra["classes"] = classes
        return self._fit(X, y, sample_weight, extra, True)

    def predict(self, X: Any) -> np.ndarray:
        """Classes (n,), or 0 and 1 (n, labels), for X (n, features).

        Labels that were learned from a sparse matrix come as one.
        """
        if hasattr(self, "estimators_"):
            return self._decide(self._probabilities(X))
        return self._decide(self._outputs(X))

    def _probabilities(self, X: Any) -> np.ndarray:
        """The network's own outputs; for an ensemble the mean."""
        check_is_fitted(self)
        if hasattr(self, "estimators_"):
            return ensemble.outputs(self, X).mean(axis=0)
        return self._outputs(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, or of each label, (n, n_classes)."""
        return both(self._probabilities(X), len(self.classes_))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Log of `predict_proba`."""
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities, out=probabilities)

    def predict_std(self, X: Any) -> np.ndarray:
        """Standard deviation of `predict_proba` over the members of an ensemble."""
        check_is_fitted(self, "estimators_", msg=ensemble.NO_SPREAD)
        return both(ensemble.outputs(self, X), len(self.classes_)).std(axis=0)

    @available_if(is_more_than_one_network)
    def decision_function(self, X: Any) -> np.ndarray:
        """Log-odds of each class, or of each label: (n,) for two classes, else (n, K).

        Of an ensemble or a preset: log(p / (1 - p)), p the mean probability, finite also where p
        is 0 or 1 to rounding. A single network has none, as scikit-learn's MLPClassifier: its tools
        then go by `predict_proba`, and make of either the same.
        """
        check_is_fitted(self)
        odds = log_odds(ensemble.outputs(self, X, logits=True), self.out_activation_)
        return odds[:, 0] if odds.shape[1] == 1 else odds

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
