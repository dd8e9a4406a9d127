"""From what the user hands over to the rows that a fit reads: all checks happen here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastnn.inputs.arrays import as_features, gather_kind
from fastnn.inputs.columns import check_names
from fastnn.inputs.rows import Part, Rows
from fastnn.inputs.settings import is_one_of
from fastnn.inputs.splits import as_parts, split
from fastnn.inputs.targets import as_sample_weight, as_targets

SAMPLE_ROWS = 1000
"""Rows of a sample: they tell an accuracy to within 3 points in 19 of 20 cases."""


class Form(NamedTuple):
    """The form in which a network with its loss reads samples."""

    dtype: np.dtype
    n_in: int
    n_out: int
    targets: str
    """What the loss reads: "classes", "binary", "real" or "counts"."""
    n_targets: int
    names: tuple[str, ...] | None = None
    """Of the columns, where they are known."""


@dataclass(eq=False)
class Data:
    """What a fit reads: rows with their targets and weights, and how they are divided."""

    rows: Rows
    index: np.ndarray
    """Numbers of the rows to train on."""
    validation: Part | None = None
    measured: Part | None = None
    """What training loss and metrics are measured on after an epoch; None: as training goes."""

    @property
    def is_judged(self) -> bool:
        """Whether something is measured after an epoch."""
        return self.validation is not None or self.measured is not None

    @property
    def training(self) -> Part:
        """The rows to train on."""
        return Part(self.rows, self.index)


def feature_rows(
    X: Any, n_features: int | None, dtype: np.dtype, name: str = "X", squares: bool = False
) -> Rows:
    """Rows without targets."""
    features = as_features(X, n_features, name, dtype, squares)
    return Rows(features, gather_kind(features) is not None)


def target_rows(rows: Rows, y: Any, sample_weight: Any, form: Form, of: str = "") -> Rows:
    """Give rows their targets, as the loss reads them; messages say whose they are."""
    n = len(rows.X)
    found = as_targets(
        y, form.targets, form.n_out, n, form.dtype, f"{of}y", n_targets=form.n_targets
    )
    weight = as_sample_weight(sample_weight, n, np.float64, f"{of}sample_weight")
    rows.y, rows.labels, rows.sample_weight = found.array, found.labels, weight
    return rows


def read_data(
    rows: Rows,
    form: Form,
    *,
    validation_data: Any = None,
    validation_split: Any = 0.0,
    training_metrics: str = "running",
    seed: np.random.SeedSequence,
) -> Data:
    """Divide rows that have their targets, by `fit`'s arguments; the same for the same seed."""
    if validation_data is not None:
        listed = isinstance(validation_split, np.ndarray | list | tuple)
        if listed or validation_split:
            raise ValueError("got validation_data and validation_split; pass one of them")
        index = np.arange(len(rows.X))
        validation: Part | None = _other_rows(validation_data, form)
    else:
        index, held_out = _divided(rows, form, validation_split, seed)
        validation = None if held_out is None else Part(rows, held_out)
    return Data(rows, index, validation, _measured(training_metrics, rows, index, seed))


def _other_rows(given: Any, form: Form) -> Part:
    """The rows of validation_data."""
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        size = f" of {len(given)}" if isinstance(given, tuple | list) else ""
        raise ValueError(
            f"validation_data is a {type(given).__name__}{size}; expected (X, y) or "
            "(X, y, sample_weight); pass such a tuple, or validation_split=0.2"
        )
    of = "validation "
    check_names(given[0], form.names, f"{of}X")
    rows = feature_rows(given[0], form.n_in, form.dtype, f"{of}X")
    weight = given[2] if len(given) == 3 else None
    return Part(target_rows(rows, given[1], weight, form, of))


def _divided(
    rows: Rows, form: Form, share: Any, seed: np.random.SeedSequence
) -> tuple[np.ndarray, np.ndarray | None]:
    """Numbers of the rows to train on, and of those that validation_split holds out."""
    everything = np.arange(len(rows.X))
    if isinstance(share, np.ndarray | list | tuple):
        learned, held_out = as_parts(share, len(rows.X))
    elif not share:
        return everything, None
    else:
        fraction = 0.2 if share is True else share
        by_class = form.targets == "classes"
        rng = np.random.default_rng(seed)
        learned, held_out = split(rows.targets if by_class else len(rows.X), fraction, rng)
    _check_weights(rows, share, {"training": learned, "validation": held_out})
    return learned, held_out


def _check_weights(rows: Rows, share: Any, parts: dict[str, np.ndarray]) -> None:
    for use, part in parts.items():
        if rows.sample_weight is not None and not rows.sample_weight[part].any():
            raise ValueError(
                f"sample_weight is 0 in all of the {len(part)} rows that "
                f"validation_split={share!r:.30} leaves for {use}; expected a "
                "weight above 0 among them; use another share, or "
                "validation_data"
            )


def _measured(
    given: str, rows: Rows, index: np.ndarray, seed: np.random.SeedSequence
) -> Part | None:
    """The rows on which `training_metrics` wants training loss and metrics measured."""
    if not is_one_of(given, ("running", "full", "sample")):
        raise ValueError(f'training_metrics is {given!r}; expected "running", "full" or "sample"')
    if given == "running":
        return None
    if given == "full":
        return Part(rows, index)
    n = min(SAMPLE_ROWS, len(index))
    return Part(rows, np.sort(np.random.default_rng(seed).choice(index, n, replace=False)))
