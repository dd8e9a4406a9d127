"""Floor 4. Several networks of different random numbers as one estimator."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import check_random_state

from fastnn.estimators.presets import settings_of
from fastnn.threads import get_num_threads

NO_SPREAD = "%(name)s has no members to differ: fit it with n_members of 2 or more"
SHARED = (
    "n_features_in_", "feature_names_in_", "classes_", "_label_binarizer", "n_outputs_",
    "out_activation_", "n_layers_",
)  # fmt: skip


def fit(e: Any, X: Any, y: Any, sample_weight: Any, extra: dict, incremental: bool) -> Any:
    """Fit all members, in threads; each holds out another part where there is early stopping."""
    going_on = hasattr(e, "estimators_") and (e.warm_start or incremental)
    if not going_on:
        random_state = check_random_state(e.random_state)
        seeds = random_state.randint(2**31 - 1, size=e.n_members)
        e.estimators_ = [clone(e).set_params(n_members=1, random_state=int(k)) for k in seeds]
    splits = _splits(e, X, y, extra, incremental)

    def fit_one(k: int) -> None:
        e.estimators_[k]._fit(X, y, sample_weight, extra | splits[k], incremental)

    if incremental and "classes" in extra:
        for member in e.estimators_:
            member._expect(extra["classes"], y)
    with ThreadPoolExecutor(min(get_num_threads(), e.n_members)) as pool:
        list(pool.map(fit_one, range(e.n_members)))
    for name in SHARED:
        if hasattr(e.estimators_[0], name):
            setattr(e, name, getattr(e.estimators_[0], name))
    e.n_iter_ = max(member.n_iter_ for member in e.estimators_)
    e.loss_ = float(np.mean([member.loss_ for member in e.estimators_]))
    return e


def _splits(e: Any, X: Any, y: Any, extra: dict, incremental: bool) -> list[dict[str, Any]]:
    """Folds, so that each row is held out once."""
    s = settings_of(e)
    if not s.early_stopping or incremental or extra.get("X_val") is not None:
        return [{}] * e.n_members
    n = np.shape(y)[0]
    kind = StratifiedKFold if hasattr(e, "predict_proba") and np.ndim(y) == 1 else KFold
    folds = kind(e.n_members, shuffle=True, random_state=check_random_state(e.random_state))
    return [{"split": pair} for pair in folds.split(np.zeros(n), y)]


def outputs(e: Any, X: Any) -> np.ndarray:
    """What each member predicts, (n_members, ...)."""
    return np.stack([member._probabilities(X) for member in e.estimators_])
