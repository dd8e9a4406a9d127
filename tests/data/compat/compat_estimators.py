"""The fitted estimators, in pickles."""

import numpy as np
from compat_models import CLASSES, TABLE, TARGETS, X
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnn import AdamW, losses
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.schedules import Cosine

WARM = {"max_iter": 4, "random_state": 0, "warm_start": True}
SMALL = {"hidden_layer_sizes": (6,), "batch_size": 32, "learning_rate_init": 0.01, **WARM}
MANY = {"batch_norm": True, "dropout": 0.1, "input_dropout": 0.05, "normalize": "standard"}
MANY |= {"schedule": Cosine(0.02, 90), "clip_norm": 1.0, "optimizer": AdamW(0.02), "l1": 1e-3}
TABULAR = {"preset": "tabular", "n_units": 4, **WARM}
# Name: estimator, features, targets.
ESTIMATORS = {
    "classifier_defaults": (MLPClassifier(**WARM), X, "classes"),
    "classifier_lbfgs": (MLPClassifier(**SMALL, solver="lbfgs"), X.astype(float), "classes"),
    "classifier_early": (MLPClassifier(**SMALL, early_stopping=True), X, "classes"),
    "classifier_tabular": (MLPClassifier(**TABULAR), X, "classes"),
    "classifier_partial": (MLPClassifier(**SMALL, activation="silu"), X, "classes"),
    "classifier_many": (MLPClassifier(**SMALL, **MANY, label_smoothing=0.1), X, "classes"),
    "classifier_labels": (MLPClassifier(**SMALL, solver="sgd"), X, "labels"),
    "regressor_defaults": (MLPRegressor(**WARM), X, "values"),
    "regressor_lbfgs": (MLPRegressor(**SMALL, solver="lbfgs", activation="tanh"), X, "pairs"),
    "regressor_early": (
        MLPRegressor(**SMALL, early_stopping=True, monitor="r2", patience=3, refit=True),
        X,
        "values",
    ),
    "regressor_tabular": (MLPRegressor(**TABULAR, categorical_features=[3]), TABLE, "values"),
    "regressor_partial": (
        MLPRegressor(**SMALL, solver="sgd", learning_rate="invscaling"), X, "pairs"
    ),
    "regressor_many": (
        MLPRegressor(losses.Pinball((0.1, 0.9)), **SMALL, n_members=2, normalize_y=True, **MANY),
        X,
        "values",
    ),
    "regressor_counts": (
        MLPRegressor("poisson", **SMALL, schedule="cosine", warmup=1), X, "counts"
    ),
    "pipeline": (make_pipeline(StandardScaler(), MLPClassifier(**SMALL)), X, "classes"),
    "grid": (
        GridSearchCV(
            make_pipeline(StandardScaler(), MLPRegressor(**SMALL, normalize_y=True)),
            {"mlpregressor__alpha": [1e-4, 1e-2]},
            cv=2,
        ),
        X,
        "values",
    ),
}  # fmt: skip


def make_estimator(name):
    estimator, features, target = ESTIMATORS[name]
    for _ in range(3 if "partial" in name else 0):
        known = {"classes": np.unique(CLASSES)} if name == "classifier_partial" else {}
        estimator.partial_fit(features, TARGETS[target], **known)
    return estimator if "partial" in name else estimator.fit(features, TARGETS[target])


def predict(name, estimator):
    """Probabilities or values, of ROWS."""
    rows = ESTIMATORS[name][1][::10]
    found = getattr(estimator, "predict_proba", estimator.predict)(rows)
    return np.asarray(found)


def go_on_fitting(name, estimator):
    """A few more epochs, with the random numbers and the optimizer's state that it has."""
    _, features, target = ESTIMATORS[name]
    last = getattr(estimator, "best_estimator_", estimator)
    if "partial" in name:
        estimator.partial_fit(features, TARGETS[target])
    else:
        last.fit(features, TARGETS[target])
