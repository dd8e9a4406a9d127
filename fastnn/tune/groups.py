"""Groups: rows that belong together, and are held out together."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.inputs.settings import Range


def read_groups(groups: Any, n: int) -> np.ndarray:
    """The group of each row (n,), numbered from 0."""
    given = np.asarray(groups)
    if given.shape != (n,):
        raise ValueError(
            f"groups has shape {given.shape}; expected ({n},), the group that each row is of"
        )
    # By Python's own equality: np.unique cannot order None, or numbers and text.
    numbers = {name: k for k, name in enumerate(dict.fromkeys(given.tolist()))}
    if len(numbers) < 2:
        raise ValueError(
            "groups holds one group only; expected two or more, for a group is held out as a whole"
        )
    return np.array([numbers[name] for name in given.tolist()])


def group_folds(group: np.ndarray, k: int, rng: np.random.Generator) -> list[np.ndarray]:
    """k folds of whole groups: the largest first, each into the fold that has fewest rows."""
    size = np.bincount(group)
    if len(size) < k:
        raise ValueError(
            f"cv is {k}, but there are {len(size)} groups; expected at most one fold a group"
        )
    order = rng.permutation(len(size))
    fold_of, rows = np.zeros(len(size), np.int64), np.zeros(k, np.int64)
    for one in order[np.argsort(-size[order], kind="stable")]:
        fold_of[one] = np.argmin(rows)
        rows[fold_of[one]] += size[one]
    return [np.flatnonzero(fold_of[group] == fold) for fold in range(k)]


def group_share(group: np.ndarray, fraction: Any, rng: np.random.Generator) -> np.ndarray:
    """Rows of whole groups, drawn until they are nearest to a share of all rows."""
    if not Range(0, 1, "()").holds(fraction):
        raise ValueError(f"validation_split is {fraction!r}; expected a fraction between 0 and 1")
    size = np.bincount(group)
    order = rng.permutation(len(size))
    rows = np.cumsum(size[order])[:-1]
    count = 1 + int(np.argmin(np.abs(rows - fraction * len(group))))
    return np.flatnonzero(np.isin(group, order[:count]))


def check_apart(group: np.ndarray, learned: np.ndarray, held_out: Any) -> None:
    """Refuse a fold that has a group on both sides."""
    both = np.intersect1d(group[learned], group[held_out])
    if len(both):
        row = held_out[np.argmax(group[held_out] == both[0])]
        raise ValueError(
            f"{len(both)} groups are on both sides of a fold, such as that of row {row}; expected "
            "each group held out as a whole: pass a number of folds, or a splitter that knows "
            "groups, such as scikit-learn's GroupKFold"
        )
