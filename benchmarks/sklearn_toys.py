"""Print the README's table: scikit-learn's MLP against fastnn's on scikit-learn's toy data sets.

    python benchmarks/sklearn_toys.py [--repeats 3]

Each is cross-validated five-fold behind a StandardScaler, with the same settings (the defaults, but
max_iter 500), then fastnn's with `preset="tabular"`. Score is accuracy, or R2, on the folds held
out; fit is the seconds of a fold's fit, predict the milliseconds for all rows: the least of the
repeats, the two estimators taking turns. scikit-learn uses the threads that it likes.
"""

from __future__ import annotations

import argparse
import inspect
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets, neural_network
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnn import estimators

SETS = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}
SETTINGS = {"max_iter": 500, "random_state": 0}
# Left at its default, the number of epochs is the preset's.
DEFAULT = inspect.signature(estimators.MLPClassifier).parameters["max_iter"].default
ROWS = [
    ("scikit-learn", neural_network, {}),
    ("fastnn", estimators, {}),
    ('fastnn, preset="tabular"', estimators, {"preset": "tabular", "max_iter": DEFAULT}),
]


class Result(NamedTuple):
    """Mean score over the folds, seconds of a fit, seconds of a prediction."""

    score: float
    fit: float
    predict: float


def folds(X: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five folds, the same for all."""
    kind = StratifiedKFold if y.dtype.kind == "i" else KFold
    return list(kind(5, shuffle=True, random_state=0).split(X, y))


def model(module: Any, y: np.ndarray, more: dict[str, Any]) -> Any:
    """An unfitted pipeline."""
    name = "MLPClassifier" if y.dtype.kind == "i" else "MLPRegressor"
    return make_pipeline(StandardScaler(), getattr(module, name)(**SETTINGS | more))


def measure(module: Any, X: np.ndarray, y: np.ndarray, more: dict[str, Any]) -> Result:
    """One cross-validation."""
    scores, fits, predictions = [], [], []
    for learned, held in folds(X, y):
        pipeline = model(module, y, more)
        start = time.perf_counter()
        pipeline.fit(X[learned], y[learned])
        fits.append(time.perf_counter() - start)
        scores.append(pipeline.score(X[held], y[held]))
        start = time.perf_counter()
        pipeline.predict(X)
        predictions.append(time.perf_counter() - start)
    return Result(float(np.mean(scores)), float(np.mean(fits)), min(predictions))


def compare(X: np.ndarray, y: np.ndarray, repeats: int) -> list[Result]:
    """A result for each of ROWS."""
    rounds = [[measure(m, X, y, more) for _, m, more in ROWS] for _ in range(repeats)]
    return [
        Result(best[0].score, min(r.fit for r in best), min(r.predict for r in best))
        for best in zip(*rounds, strict=True)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    estimators.MLPClassifier(max_iter=1).fit(*datasets.load_iris(return_X_y=True))
    print("| data | estimator | score | fit | speed-up | predict |")
    print("|---|---|---|---|---|---|")
    for name, load in SETS.items():
        X, y = load(return_X_y=True)
        results = compare(X, y, repeats)
        for (label, _, _), r in zip(ROWS, results, strict=True):
            faster = results[0].fit / r.fit
            print(
                f"| {name} | {label} | {r.score:.3f} | {r.fit:.3f} s | {faster:.1f}x | "
                f"{1e3 * r.predict:.2f} ms |"
            )


if __name__ == "__main__":
    main()
