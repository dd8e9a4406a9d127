"""Who is judged: each learner as its own documentation says to use it, on raw frames.

A learner is made for a task and has scikit-learn's `fit`, `predict` and `predict_proba`. Those that
take raw tables get them raw; the others get numbers whose gaps are filled by the median and told by
a column, scaled, and text in one column for each value that is not rare.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

SEED = 0


def _prepared(learner: Any) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    text = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3, max_categories=64)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (text, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, learner)


def linear(task: str) -> Any:
    """Logistic or ridge regression, strength by cross-validation."""
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV

    if task == "regression":
        return _prepared(RidgeCV([10.0**k for k in range(-3, 4)]))
    return _prepared(LogisticRegressionCV(max_iter=1000, scoring="neg_log_loss"))


def sklearn_mlp(task: str) -> Any:
    """scikit-learn's own network after scaling."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if task == "regression" else MLPClassifier
    return _prepared(kind(random_state=SEED))


class _OnFrames(ABC):
    """A learner that reads data frames of its own make."""

    model: Any

    def fit(self, X: Any, y: Any) -> Any:
        self._learn(X)
        self.model.fit(self._frame(X), y)
        return self

    def predict(self, X: Any) -> Any:
        return self.model.predict(self._frame(X))

    def predict_proba(self, X: Any) -> Any:
        return self.model.predict_proba(self._frame(X))

    @abstractmethod
    def _learn(self, X: Any) -> None:
        """Note what the frames need to know of the training rows."""

    @abstractmethod
    def _frame(self, X: Any) -> Any:
        """The frame that the model reads."""


class _Boosted(_OnFrames):
    """HistGradientBoosting; text columns as pandas' categories, the same at fit and predict."""

    def __init__(self, task: str) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier as Classifier
        from sklearn.ensemble import HistGradientBoostingRegressor as Regressor

        kind = Regressor if task == "regression" else Classifier
        self.model = kind(categorical_features="from_dtype", random_state=SEED)

    def _frame(self, X: Any) -> Any:
        import pandas as pd

        kept = {name: pd.CategoricalDtype(values) for name, values in self.categories.items()}
        return X.astype(dict.fromkeys(kept, str)).astype(kept)

    def _learn(self, X: Any) -> None:
        text = X.select_dtypes(exclude="number")
        # No more categories than the trees can hold; rarer ones are missing values to them.
        self.categories = {
            name: text[name].astype(str).value_counts().index[:250] for name in text.columns
        }


def fastnn_preset(task: str) -> Any:
    """`preset="tabular"`: an ensemble of fold members."""
    from fastnn import estimators

    kind = estimators.MLPRegressor if task == "regression" else estimators.MLPClassifier
    return kind(preset="tabular", random_state=SEED)


class _Pytabkit(_OnFrames):
    """A learner of pytabkit with its own defaults; it wants numbers without gaps."""

    def __init__(self, name: str, task: str) -> None:
        import pytabkit

        kind = "Regressor" if task == "regression" else "Classifier"
        options = {"device": "cpu", "random_state": SEED, "n_threads": 1, "verbosity": 0}
        self.model = getattr(pytabkit, f"{name}_{kind}")(**options)

    def _frame(self, X: Any) -> Any:
        X = X.copy()
        for name, middle in self.medians.items():
            if X[name].isna().any():
                X[name] = X[name].fillna(middle)
        text = X.select_dtypes(exclude="number").columns
        return X.astype(dict.fromkeys(text, str)).astype(dict.fromkeys(text, "category"))

    def _learn(self, X: Any) -> None:
        self.medians = X.select_dtypes("number").median().fillna(0)


LEARNERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "fastnn": ("fastnn", fastnn_preset),
    "linear": ("sklearn", linear),
    "sklearn-mlp": ("sklearn", sklearn_mlp),
    "boosted-trees": ("sklearn", _Boosted),
    "realmlp-td-s": ("pytabkit", lambda task: _Pytabkit("RealMLP_TD_S", task)),
    "realmlp-td": ("pytabkit", lambda task: _Pytabkit("RealMLP_TD", task)),
    "tabm-d": ("pytabkit", lambda task: _Pytabkit("TabM_D", task)),
}
"""Name -> (package it needs, what makes one for a task)."""
