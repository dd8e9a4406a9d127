"""One learner on one table, in a process of its own: a line of JSON for each fold.

``python -m benchmarks.quality.job LEARNER PART TABLE``. The error is the share of rows that are
classified wrong, or the root of the mean squared error; seconds are CPU seconds of fit and predict,
children included, imports left out. The calibration error is that of all folds' predictions
together: that of few rows is large however good they are. `__main__` holds the process to one
thread.
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


def scores(places: Any, proba: Any) -> dict[str, float]:
    """Of probabilities (n, classes) for rows whose classes are these (n,)."""
    truth = np.eye(proba.shape[1])[places]
    sums = proba / proba.sum(axis=1, keepdims=True)
    return {
        "error": 1 - (proba.argmax(axis=1) == places).mean(),
        "log_loss": log_loss(places, sums, labels=range(proba.shape[1])),
        "brier": ((proba - truth) ** 2).sum(axis=1).mean(),
    }


def run(name: str, case: Case) -> list[dict[str, Any]]:
    """A line for each fold."""
    kind = KFold if case.task == "regression" else StratifiedKFold
    make = LEARNERS[name][1]
    make(case.task)  # imports
    head = {"table": case.name, "part": case.part, "size": case.size, "task": case.task}
    lines, answers = [], []
    places = np.searchsorted(np.unique(case.y), case.y)
    folds = list(kind(FOLDS, shuffle=True, random_state=0).split(case.X, case.y))
    for fold, (train, test) in enumerate(folds):
        start = cpu_seconds()
        learner = make(case.task).fit(case.X.iloc[train], case.y.iloc[train])
        if case.task == "regression":
            answer = np.asarray(learner.predict(case.X.iloc[test])).reshape(-1)
            found = {"error": mean_squared_error(case.y.iloc[test], answer) ** 0.5}
        else:
            answer = np.asarray(learner.predict_proba(case.X.iloc[test]), float)
            found = scores(places[test], answer)
        answers.append(answer)
        seconds = cpu_seconds() - start
        lines.append({**head, "learner": name, "fold": fold, "seconds": seconds, **found})
    if case.task == "classification":
        proba, order = np.concatenate(answers), np.concatenate([test for _, test in folds])
        gap = calibration_error(proba, proba.argmax(axis=1) == places[order])
        lines = [{**line, "calibration": gap} for line in lines]
    return lines


def main() -> None:
    learner, part, table = sys.argv[1:]
    warnings.simplefilter("ignore")
    for line in run(learner, one(table, part)):
        print(json.dumps(line))


if __name__ == "__main__":
    main()
