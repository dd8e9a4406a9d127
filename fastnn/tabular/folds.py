"""Folds: which rows are held out for the scores, and by which rows each network is stopped."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from fastnn.estimators.presets import FEW_ROWS, MEMBERS

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
    strata = None
    if task == "classification":
        _, counts = np.unique(y, return_counts=True)
        held_out = max(1, round(share * len(y)))
        strata = y if counts.min() >= 2 and held_out >= len(counts) else None
    learned, held_out = train_test_split(rows, test_size=share, stratify=strata, random_state=seed)
    return np.sort(learned), np.sort(held_out)


def member_folds(y: np.ndarray, task: str, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each network the rows to train on and those that stop it."""
    n = len(y)
    if n >= FEW_ROWS or n < 2 * MEMBERS:
        return [_cut(np.arange(n), y, STOPPING_SHARE, task, seed)]
    by_class = task == "classification" and np.bincount(y).max() >= MEMBERS
    folds = (StratifiedKFold if by_class else KFold)(MEMBERS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class of fewer rows than folds is missing from some of the parts held out.
        warnings.filterwarnings("ignore", message="The least populated class")
        return list(folds.split(np.zeros(n), y))
