"""One `load` for all that fastnn saves: the file says which kind of model it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.files.persistence import unpack
from fastnn.inputs.calls import explained
from fastnn.inputs.paths import as_path
from fastnn.model.loading import read_model


@explained
def load(path: str | Path, own: dict[str, Callable] | None = None) -> Any:
    """Read what `save` of a Sequential, an estimator or a TabularModel has written.

    A Sequential and an estimator train on as if they had not stopped.

    Nothing in the file is run: it holds numbers, and names of fastnn's own parts.

    Parameters
    ----------
    path : path
    own : dict, optional
        The user's own functions that the model was made of (activations and their derivatives,
        losses, metrics, schedules), by their names.

    Returns
    -------
    model : Sequential, MLPClassifier, MLPRegressor or TabularModel

    Raises
    ------
    ModelFileError
        For a file that is damaged, foreign, or of a later version.
    FileNotFoundError
    ValueError
        Where own functions are missing; it names them.

    Examples
    --------
    >>> import tempfile
    >>> import fastnn
    >>> from fastnn import Dense, Sequential
    >>> model = Sequential([Dense(1)], seed=0).build(2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(folder + "/model.safetensors")
    ...     twin = fastnn.load(folder + "/model.safetensors")
    >>> twin.predict([[1.0, 2.0]]) == model.predict([[1.0, 2.0]])
    array([[ True]])
    """
    return read(path, *unpack(as_path(path)), own)


def read(
    path: str | Path, tensors: dict[str, np.ndarray], description: dict[str, Any],
    own: dict[str, Callable] | None = None,
) -> Any:  # fmt: skip
    """What a file holds, of which these are the arrays and the description."""
    kind = description.get("kind")
    # Of all kinds only these need scikit-learn, and tables pyarrow.
    if isinstance(kind, str) and kind == "estimator":
        from fastnn.estimators.loading import read_estimator

        return read_estimator(path, tensors, description)
    if isinstance(kind, str) and kind == "tabular":
        from fastnn.tabular.loading import read_tabular

        return read_tabular(path, tensors, description)
    return read_model(path, tensors, description, own)
