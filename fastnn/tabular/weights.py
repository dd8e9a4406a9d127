"""Weights: what each row counts in training, by its own weight and by its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn.inputs.settings import Range
from fastnn.tabular.table import Table, TableError, check_name, listed
from fastnn.tabular.target import Target
from fastnn.tabular.values import column, to_numbers


def as_class_weight(given: Any) -> str | dict[str, float] | None:
    """None, "balanced", or numbers by the names of the classes."""
    if given is None or (isinstance(given, str) and given == "balanced"):
        return given
    if not isinstance(given, Mapping) or not all(Range(0).holds(v) for v in given.values()):
        raise ValueError(
            f'class_weight is {given!r:.60}; expected "balanced", or numbers of at least 0 by the '
            "names of the classes"
        )
    return {str(name): float(weight) for name, weight in given.items()}


def with_classes(
    weight: np.ndarray | None,
    given: str | dict[str, float] | None,
    target: Target,
    y: np.ndarray,
    learned: np.ndarray,
) -> np.ndarray | None:
    """Weights (n,) of the rows times those of their classes; None where all count alike.

    Parameters
    ----------
    weight : array (n,), optional
    given : "balanced" or dict, optional
        "balanced": rows learned / (classes * rows learned of the class), as scikit-learn has it.
    y : array of int (n,)
    learned : array of int
        Numbers of the rows that are learned from.
    """
    if given is None:
        return weight
    if target.task == "regression":
        raise ValueError(f'"{target.name}" is a number; class_weight is for classes')
    if isinstance(given, str):
        counts = np.bincount(y[learned], minlength=len(target.classes))
        of_class = len(learned) / (len(counts) * np.maximum(counts, 1))
    else:
        unknown = [name for name in given if name not in target.classes]
        if unknown:
            raise ValueError(
                f'class_weight names "{unknown[0]}"; the classes of "{target.name}" are '
                f"{listed(target.classes)}"
            )
        of_class = np.array([given.get(name, 1.0) for name in target.classes])
    return of_class[y] if weight is None else of_class[y] * weight


def row_weights(table: Table, name: str) -> np.ndarray:
    """Weights (n,) of the rows, from a column."""
    check_name(name, table, "sample_weight")
    weight = to_numbers(column(table.data, name))
    if not np.all(weight >= 0):
        row = int(np.argmin(weight >= 0))
        raise TableError(
            f'{table.name}: sample_weight "{name}" is {weight[row]:g} in row {table.row(row)}; '
            "expected numbers of at least 0"
        )
    return weight
