"""Folds: which rows are held out for the scores, and by which rows each network is stopped."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from fastnn.estimators.presets import MEMBERS

STOPPING_SHARE = 0.2
"""Share of the rows that stops the training of a single network."""


def part_held_out(
    y: np.ndarray, share: float, task: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows to learn from and of those held out, by class where it can be."""
    rows = np.arange(len(y))
    if not share:
        return rows, rows[:0]
    return _cut(rows, y, share, task, seed)


def _cut(
    rows: np.ndarray, y: np.ndarray, share: float, task: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut rows in two; a class of one row stays with those to learn from."""
    alone, strata = np.zeros(len(y), bool), None
    if task == "classification":
        counts = np.bincount(y)
        alone = (counts[y] == 1) & (np.count_nonzero(counts[y] > 1) > 1)
        n, classes = int((~alone).sum()), int((counts > 1).sum())
        size = max(1, round(share * n))
        strata = y[~alone] if min(size, n - size) >= classes else None
    learned, held_out = train_test_split(
        rows[~alone], test_size=share, stratify=strata, random_state=seed
    )
    return np.sort(np.concatenate([rows[alone], learned])), np.sort(held_out)


def member_folds(y: np.ndarray, task: str, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each network the rows to train on and those that stop it.

    Each class of the rows that stop a network is one that it trains on; a row of a class that has
    no other is trained on by all.
    """
    n = len(y)
    if n < 2 * MEMBERS:
        found = [_cut(np.arange(n), y, STOPPING_SHARE, task, seed)]
    else:
        by_class = task == "classification" and np.bincount(y).max() >= MEMBERS
        folds = (StratifiedKFold if by_class else KFold)(MEMBERS, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            # A class of fewer rows than folds is missing from some of the parts held out.
            warnings.filterwarnings("ignore", message="The least populated class")
            found = list(folds.split(np.zeros(n), y))
    if task == "regression":
        return found
    whole = (_with_classes(y, *fold) for fold in found)
    return [fold for fold in whole if len(fold[1])] or [(np.arange(n), np.arange(n))]


def _with_classes(y: np.ndarray, train: np.ndarray, stop: np.ndarray) -> tuple[Any, Any]:
    """The same parts, with rows of classes that the first lacks moved there."""
    known = np.isin(y[stop], y[train])
    return np.sort(np.concatenate([train, stop[~known]])), stop[known]
