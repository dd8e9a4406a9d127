"""Digests of what a session trains on: it goes on with the same numbers, whoever holds them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from fastnn.inputs.arrays import as_array
from fastnn.inputs.reading import feature_rows
from fastnn.inputs.rows import BLOCK_ELEMENTS
from fastnn.layers import Standardize
from fastnn.model.sequential import Sequential

Digests = dict[str, str]


def digests_of(
    model: Sequential, X: Any, y: Any, validation_data: Any, sample_weight: Any
) -> Digests:
    """A digest of each array by its name, of all its numbers as the network reads them.

    So an array of another type, or a list, has the same one if nothing differs in training.
    """
    if validation_data is not None and not isinstance(validation_data, tuple | list):
        raise TypeError(
            f"validation_data is {validation_data!r:.60}; expected (X, y) or (X, y, sample_weight)"
        )
    given = {"X": X, "y": y, "sample_weight": sample_weight}
    names = "X", "y", "sample_weight"
    others = zip(names, validation_data or (), strict=False)
    given |= {f"validation {name}": array for name, array in others}
    wide = isinstance(model.layers[0], Standardize)
    found = {}
    for name, array in given.items():
        kind = name.split()[-1]
        if kind == "X":
            numbers = feature_rows(array, None, model.dtype, name).X
        elif array is not None:
            numbers = as_array(array, name)
        else:
            continue
        exact = kind == "sample_weight" or (kind == "X" and wide)
        found[name] = _digest(numbers, np.dtype(np.float64) if exact else model.dtype)
    return found


def _digest(array: np.ndarray, dtype: np.dtype) -> str:
    """Of shape and numbers, cast to a type; a single column is a vector."""
    if array.ndim == 0:
        raise ValueError(f"got {array.item()!r} for an array of all rows; expected one entry a row")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    digest = hashlib.blake2b(repr(array.shape).encode(), digest_size=16)
    step = max(1, BLOCK_ELEMENTS // max(1, int(np.prod(array.shape[1:]))))
    for start in range(0, len(array), step):
        digest.update(np.ascontiguousarray(array[start : start + step], dtype).tobytes())
    return digest.hexdigest()


def check_same(begun: Any, now: Digests, X: Any, y: Any, dtype: np.dtype) -> None:
    """Refuse other arrays than those that a session was begun with."""
    if isinstance(begun, str):
        # In the journal of an earlier version: some rows of X and y.
        begun = {"X and y": begun}
        now = {"X and y": _of_some_rows(X, y, dtype)}
    for name in {**begun, **now}:
        if name not in now:
            raise ValueError(f"the session was begun with {_argument(name)}; pass the same again")
        if name not in begun:
            raise ValueError(f"the session was begun without {_argument(name)}; leave it out")
        if begun[name] != now[name]:
            verb = "are not those" if " and " in name else "is not that"
            raise ValueError(f"{name} {verb} of the session; pass the same rows in the same order")


def _argument(name: str) -> str:
    return "validation_data" if name == "validation X" else name


def _of_some_rows(X: Any, y: Any, dtype: np.dtype) -> str:
    rows, targets = feature_rows(X, None, dtype), np.asarray(y)
    some = np.unique(np.linspace(0, len(rows.X) - 1, 1000).astype(np.int64))
    digest = hashlib.sha256(repr((rows.X.shape, targets.shape)).encode())
    for part in (rows.X, targets):
        digest.update(np.ascontiguousarray(part[some[some < len(part)]]).tobytes())
    return digest.hexdigest()
