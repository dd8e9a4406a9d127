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
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(_columns(StandardScaler()), learner)


def _columns(scaler: Any) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), scaler)
    text = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3, max_categories=64)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (text, make_column_selector(dtype_exclude="number")),
        sparse_threshold=0,
    )


def _to_normal(n: int) -> Any:
    from sklearn.preprocessing import QuantileTransformer

    quantiles = max(min(n // 30, 1000), 10)
    return QuantileTransformer(
        n_quantiles=quantiles, output_distribution="normal", random_state=SEED
    )


def _as_pytorch(rng: Any, fan_in: int, fan_out: int) -> Any:
    """PyTorch's start of a linear layer: uniform, no larger than 1 / sqrt(fan_in)."""
    return rng.uniform(-1, 1, (fan_in, fan_out)) * fan_in**-0.5


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


def _with_biases(weights: Any) -> Any:
    """The arrays with PyTorch's start of biases, as far from 0 as weights are: where there are few
    columns, units that all bend at 0 are nearly one.
    """
    import numpy as np

    rng, bound = np.random.default_rng(SEED), 1.0
    for array in weights:
        if array.ndim > 1:
            bound = array.shape[0] ** -0.5
        yield array if array.any() else rng.uniform(-bound, bound, array.shape)


class _TabM:
    """TabM-D in our engine: its network of 32 members and its recipe, on the columns of `_prepared`
    after a quantile transformation of the numbers. All members see the same batches.
    """

    def __init__(self, task: str) -> None:
        self.regression = task == "regression"

    def fit(self, X: Any, y: Any) -> Any:
        import numpy as np
        from sklearn.model_selection import train_test_split

        from fastnn import AdamW, EarlyStopping

        self.columns = _columns(_to_normal(len(X)))
        stratify = None if self.regression else y
        parts = train_test_split(X, y, test_size=0.2, random_state=SEED, stratify=stratify)
        train, held = (self.columns.fit_transform(parts[0]), self.columns.transform(parts[1]))
        if self.regression:
            self.middle, self.deviation = parts[2].mean(), parts[2].std(ddof=0) + 1e-30
            targets = [((part - self.middle) / self.deviation).to_numpy() for part in parts[2:]]
        else:
            self.classes = np.unique(y)
            targets = [np.searchsorted(self.classes, part) for part in parts[2:]]
        self.model = self._network().build(train.shape[1])
        self.model.set_weights(list(_with_biases(self.model.get_weights())))
        loss, metrics = ("mse", []) if self.regression else ("cross_entropy", ["accuracy"])
        self.model.compile(AdamW(2e-3, weight_decay=0.0), loss, metrics=metrics)
        monitor = "val_loss" if self.regression else "val_accuracy"
        self.model.fit(
            train, targets[0], epochs=10_000, batch_size=256, verbose=0,
            validation_data=(held, targets[1]), callbacks=[EarlyStopping(monitor, patience=16)],
        )  # fmt: skip
        return self

    def _network(self) -> Any:
        from fastnn import Dense, Dropout, Members, ReLU, Scale, Sequential, Softmax

        def product() -> Any:
            return Dense(512, bias=False, init=_as_pytorch)

        def rest() -> list[Any]:
            return [Scale(bias=True), ReLU(), Dropout(0.1)]

        blocks = [Members(32), product(), *rest()]
        for _ in range(2):
            blocks += [Scale(), product(), *rest()]
        if self.regression:
            last = [Dense(1, init=_as_pytorch, shared=False)]
        else:
            last = [Dense(len(self.classes), init=_as_pytorch, shared=False), Softmax()]
        return Sequential([*blocks, *last], seed=SEED)

    def predict(self, X: Any) -> Any:
        return self.model.predict(self.columns.transform(X)) * self.deviation + self.middle

    def predict_proba(self, X: Any) -> Any:
        return self.model.predict(self.columns.transform(X))


LEARNERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "fastnn": ("fastnn", fastnn_preset),
    "linear": ("sklearn", linear),
    "sklearn-mlp": ("sklearn", sklearn_mlp),
    "boosted-trees": ("sklearn", _Boosted),
    "realmlp-td-s": ("pytabkit", lambda task: _Pytabkit("RealMLP_TD_S", task)),
    "realmlp-td": ("pytabkit", lambda task: _Pytabkit("RealMLP_TD", task)),
    "tabm": ("fastnn", _TabM),
    "tabm-d": ("pytabkit", lambda task: _Pytabkit("TabM_D", task)),
}
"""Name -> (package it needs, what makes one for a task)."""
