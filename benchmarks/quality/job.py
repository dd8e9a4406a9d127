"""One learner on one table, in a process of its own: a line of JSON for each fold.

``python -m benchmarks.quality.job LEARNER PART TABLE``. The error is the share of rows that are
classified wrong, or the root of the mean squared error; seconds are CPU seconds of fit and predict,
children included, imports left out. `__main__` holds the process to one thread.
"""

import json
import resource
import sys
import warnings
from typing import Any

import numpy as np
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold

from benchmarks.quality.learners import LEARNERS
from benchmarks.quality.tables import Case, one

FOLDS = 5
BINS = 15


def cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def calibration_error(proba: Any, correct: Any) -> float:
    """Expected calibration error of the class that is predicted (Guo et al. 2017), 15 bins."""
    sure = proba.max(axis=1)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[bins == b].mean() - correct[bins == b].mean()) for b in np.unique(bins)]
    shares = [(bins == b).mean() for b in np.unique(bins)]
    return float(np.dot(gaps, shares))


def scores(case: Case, learner: Any, X: Any, y: Any) -> dict[str, float | None]:
    """What a fitted learner makes of held-out rows."""
    if case.task == "regression":
        error = mean_squared_error(y, np.asarray(learner.predict(X)).reshape(-1)) ** 0.5
        return {"error": error, "log_loss": None, "brier": None, "calibration": None}
    proba = np.asarray(learner.predict_proba(X), float)
    classes = np.unique(case.y)
    places = np.searchsorted(classes, y)
    correct = proba.argmax(axis=1) == places
    truth = np.eye(len(classes))[places]
    sums = proba / proba.sum(axis=1, keepdims=True)
    return {
        "error": 1 - correct.mean(),
        "log_loss": log_loss(places, sums, labels=range(len(classes))),
        "brier": ((proba - truth) ** 2).sum(axis=1).mean(),
        "calibration": calibration_error(proba, correct),
    }


def run(name: str, case: Case) -> None:
    kind = KFold if case.task == "regression" else StratifiedKFold
    make = LEARNERS[name][1]
    make(case.task)  # imports
    for fold, (train, test) in enumerate(
        kind(FOLDS, shuffle=True, random_state=0).split(case.X, case.y)
    ):
        start = cpu_seconds()
        learner = make(case.task).fit(case.X.iloc[train], case.y.iloc[train])
        found = scores(case, learner, case.X.iloc[test], case.y.iloc[test])
        head = {"table": case.name, "part": case.part, "size": case.size, "task": case.task}
        line = {**head, "learner": name, "fold": fold, "seconds": cpu_seconds() - start, **found}
        print(json.dumps(line), flush=True)


def main() -> None:
    learner, part, table = sys.argv[1:]
    warnings.simplefilter("ignore")
    run(learner, one(table, part))


if __name__ == "__main__":
    main()
