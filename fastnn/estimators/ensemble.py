"""Several networks of different random numbers as one estimator."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from copy import copy
from numbers import Integral
from threading import Event
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target

from fastnn.engine.threads import get_num_threads
from fastnn.estimators.callbacks import OF_ALL, Watch
from fastnn.estimators.holdout import too_few
from fastnn.estimators.inputs import read_features, read_training, unchanged_by_errors
from fastnn.estimators.presets import (
    ENCODED_FROM,
    MEMBERS,
    for_members,
    left,
    parameters_of,
    settings_of,
)
from fastnn.estimators.recipe import solver_of
from fastnn.estimators.rows import rows_of
from fastnn.estimators.stochastic import Fit
from fastnn.estimators.temperature import calibrate
from fastnn.estimators.warning import warn
from fastnn.inputs.notes import said_later, say

NO_SPREAD = "%(name)s has no members to differ: fit it with n_members of 2 or more"
OF_TABLE = "n_features_in_", "feature_names_in_", "_inputs"
BY_MEMBER = "coefs_", "intercepts_", "loss_curve_", "validation_scores_", "history_"
"""Of an ensemble these are lists of what the members have, in their sequence."""
OF_ONE = (
    *BY_MEMBER, "_machine", "_best", "_shown", "t_", "best_loss_", "best_validation_score_"
)  # fmt: skip
STRATIFIED = ("binary", "multiclass")


def is_more_than_one_network(e: Any) -> bool:
    """Whether it may be, by its parameters: scikit-learn's MLP then is no twin of it."""
    return e.preset is not None or (e.n_members or 1) > 1


def is_single(e: Any) -> bool:
    """Whether it is fitted, or filled in by hand, as one network."""
    return hasattr(e, "coefs_") and not hasattr(e, "estimators_")


def show_members(e: Any) -> None:
    """Attributes of the members, where a single network has its own."""
    for name in BY_MEMBER:
        if all(hasattr(member, name) for member in e.estimators_):
            setattr(e, name, [getattr(member, name) for member in e.estimators_])


def size(e: Any, s: Any, y: Any, extra: dict, incremental: bool) -> int:
    """Number of networks: as it is set, or for the preset several."""
    if s.n_members is not None:
        return int(s.n_members)
    if (incremental or s.warm_start) and hasattr(e, "n_layers_"):
        return len(getattr(e, "estimators_", "1"))
    if s.preset is None or not s.early_stopping or solver_of(s) == "lbfgs":
        return 1
    if incremental or extra.get("X_val") is not None:
        return 1
    # A part held out has two rows or more; what is no table is refused where it is read.
    shape = np.asarray(y).shape
    return MEMBERS if shape and shape[0] >= 2 * MEMBERS else 1


def fit(
    e: Any, n: int, s: Any, X: Any, y: Any, sample_weight: Any, extra: dict, incremental: bool
) -> Any:
    """Fit n members, in threads; each holds out another part where there is early stopping."""
    threads = min(get_num_threads(), n)
    with unchanged_by_errors(e), ThreadPoolExecutor(threads) as pool:
        first = not (hasattr(e, "estimators_") and (e.warm_start or incremental))
        judged = bool(s.early_stopping) and solver_of(s) != "lbfgs"
        if judged:
            s.encoded_from = ENCODED_FROM
        read = read_training(e, X, y, s, first)
        tries = first and judged and _has_encoding(e)
        if first:
            _begin(e, n, rounds(n, threads, tries), read[0].shape[0])
        splits = _splits(e, s, n, read[1], extra, incremental)
        watch = Watch(e, n, X, read[1], sample_weight, parallel=True)
        extra = extra | {"read": read}
        # The preset's members have other settings than a single network.
        epochs = 1 if incremental else settings_of(e.estimators_[0]).max_iter
        parts = [
            extra | splits[k] | {"watch": watch.of_member(k, member, epochs)}
            for k, member in enumerate(e.estimators_)
        ]
        if incremental and "classes" in extra:
            for member in e.estimators_:
                member._expect(extra["classes"], y)

        def ready(member: Any, part: dict) -> tuple[Fit, list[Any]]:
            own = member._settings(incremental)
            with said_later() as told:
                found = member._ready(own, X, y, sample_weight, part, incremental)
            return found, told

        fits, told_before = map(list, zip(*pool.map(ready, e.estimators_, parts), strict=True))
        if tries:
            twin = _plain_twin(e)
            plain, _ = ready(twin, parts[0] | {"watch": watch.unseen(twin)})

    watch.begin()
    told_after = []
    if tries:
        told_after = learn([fits[0], plain], threads, watch.broken_off)[:1]
        if twin.best_validation_score_ > e.estimators_[0].best_validation_score_:
            _go_without(e, twin)
            others = zip(e.estimators_[1:], parts[1:], strict=True)
            fits = [plain, *(ready(*one)[0] for one in others)]
    told_after += learn(fits[len(told_after) :], threads, watch.broken_off)
    calibrate(fits)
    _share(e.estimators_[0], e, OF_ALL)
    e.n_iter_ = max(member.n_iter_ for member in e.estimators_)
    e.loss_ = float(np.mean([member.loss_ for member in e.estimators_]))
    show_members(e)
    watch.end()
    say([*told_before, *told_after])
    return e


def rounds(n: int, threads: int, tries: bool) -> int:
    """How often threads take up networks, one each, until n are trained; `tries`: one of them twice
    before the others."""
    return -(-2 // threads) - (1 - n) // threads if tries else -(-n // threads)


def _has_encoding(e: Any) -> bool:
    return hasattr(e, "_inputs") and e._inputs.encoding is not None


def _plain_twin(e: Any) -> Any:
    """The first member once more, without the encoding of columns.

    Functions of single columns help where single columns tell something. Where none does, as among
    principal components, they are so many weights more to fit to noise: rows held out decide.
    """
    twin = _member(e.estimators_[0], {})
    twin._inputs = copy(e._inputs)
    twin._inputs.encoding = None
    return twin


def _go_without(e: Any, twin: Any) -> None:
    """Take the twin for the first member; the others have no encoding then, and are as new."""
    e._inputs.encoding = None
    twin._inputs = e._inputs
    e.estimators_[0] = twin
    for member in e.estimators_[1:]:
        del member.coefs_


def learn(fits: Sequence[Fit], threads: int, broken_off: Event) -> list[list[Any]]:
    """Train networks in threads; what is to be said of each."""
    # None learns before all are there: Ctrl-C then finds them, at whatever moment it comes.
    all_there = Event()

    def run(fit: Fit) -> list[Any]:
        all_there.wait()
        with said_later() as told:
            fit.estimator._learn(fit)
        return told

    with ThreadPoolExecutor(threads) as pool:
        learning: list[Future] = []
        try:
            for fit in fits:
                learning.append(pool.submit(run, fit))
            all_there.set()
            wait(learning)
        except KeyboardInterrupt:
            # Each is left to end its epoch, also one that has not begun: all of them predict.
            broken_off.set()
            all_there.set()
            if len(learning) < len(fits):
                raise
            wait(learning)
            warn("Training interrupted by user.")
    return [one.result() for one in learning]


def _begin(e: Any, n: int, rounds: int, rows: int) -> None:
    """New members, which train in so many rounds."""
    for name in (*OF_ONE, "_fold_seed"):
        e.__dict__.pop(name, None)
    own: dict[str, Any] = {"n_members": 1}
    free = left(e)
    if "n_members" in free:
        settings = for_members(is_classifier(e), rows)
        own |= {k: v for k, v in settings.items() if k in free}
        if "hidden_layer_sizes" not in free:
            own.pop("n_units", None)
    if e.max_time is not None:
        own["max_time"] = e.max_time / rounds
    seeds = check_random_state(e.random_state).randint(2**31 - 1, size=n)
    e.estimators_ = [_member(e, {"random_state": int(k), **own}) for k in seeds]


def _member(e: Any, own: dict[str, Any]) -> Any:
    """One like e, but for its own parameters; a subclass's `__init__` need not take them."""
    member = clone(e)
    for name, value in (parameters_of(e) | own).items():
        setattr(member, name, clone(value, safe=False))
    # Its epochs are tasks of the one fit.
    vars(member).pop("_skl_callbacks", None)
    _share(e, member, OF_TABLE)
    return member


def _share(giver: Any, taker: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if hasattr(giver, name):
            setattr(taker, name, getattr(giver, name))


def _splits(e: Any, s: Any, n: int, y: Any, extra: dict, incremental: bool) -> list[dict[str, Any]]:
    """Folds, so that each row is held out once."""
    if not s.early_stopping or incremental or extra.get("X_val") is not None:
        return [{}] * n
    if y.shape[0] < 2 * n:
        raise too_few(s, y.shape[0], members=n)
    if not hasattr(y, "tocsr"):
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    classes = is_classifier(e) and y.ndim == 1 and type_of_target(y) in STRATIFIED
    enough = classes and np.unique(y, return_counts=True)[1].max() >= n
    kind = StratifiedKFold if enough else KFold
    if not hasattr(e, "_fold_seed"):
        # Kept, so that a member that goes on learns from no row that judges it.
        drawn = not isinstance(e.random_state, Integral)
        new = check_random_state(e.random_state)
        e._fold_seed = new.randint(2**31 - 1) if drawn else e.random_state
    folds = kind(n, shuffle=True, random_state=e._fold_seed)
    with warnings.catch_warnings():
        # A class of fewer rows than folds is missing from some of the parts held out.
        warnings.filterwarnings("ignore", message="The least populated class")
        return [{"split": pair} for pair in folds.split(np.zeros(y.shape[0]), y)]


def outputs(e: Any, X: Any, logits: bool = False) -> np.ndarray:
    """What each network predicts, (networks, n, ...), or has before its softmax or sigmoid."""
    rows = rows_of(read_features(e, X))
    networks = getattr(e, "estimators_", [e])
    return np.stack([one._answers(one._computed(rows, logits)) for one in networks])
