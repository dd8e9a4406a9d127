"""Export to NumPy: a function of X, and a module that needs nothing else."""

from __future__ import annotations

import base64
import inspect
import keyword
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastnn.export import formulas
from fastnn.export.activations import FORMS
from fastnn.export.reading import Reading, read
from fastnn.files.whole import write_whole
from fastnn.inputs.paths import as_path
from fastnn.kernels import codes
from fastnn.layers import Layer

Formula = Callable[..., np.ndarray]

FORMULAS: dict[int, Formula] = {
    codes.DENSE: formulas.dense,
    codes.BATCHNORM: formulas.batchnorm,
    codes.STANDARDIZE: formulas.standardize,
    codes.SCALE: formulas.scale,
}
"""Of the layers that hold arrays: these are the arguments, in the model's order."""
WITH_NUMBER = codes.BATCHNORM, codes.LEAKY_RELU, codes.ELU
"""Layers whose formula takes the layer's number last."""

MODULE = '''"""{about}

    from {name} import predict

predict(X) takes X (n, {n_in}) and returns (n, {n_out}) {dtype}. It needs NumPy only.
"""

from __future__ import annotations

{imports}

import numpy as np


def predict(X):
    """Outputs (n, {n_out}) for X (n, {n_in})."""
    z = rows(X, {n_in}, "{dtype}")
{lines}
    return z


{functions}


weights = {{
{weights}
}}
'''


class Step(NamedTuple):
    """z = formula(z, *weights of these names, *numbers)."""

    formula: Formula
    names: tuple[str, ...]
    numbers: tuple[float, ...]

    def __str__(self) -> str:
        arrays = [f'weights["{name}"]' for name in self.names]
        return f"{self.formula.__name__}({', '.join(['z', *arrays, *map(repr, self.numbers)])})"


def _step(k: int, layer: Layer, arrays: dict[str, np.ndarray]) -> Step:
    formula = FORMULAS.get(layer.kind) or FORMS[layer.kind].formula
    numbers = (layer.alpha,) if layer.kind in WITH_NUMBER else ()
    return Step(formula, tuple(f"{k}.{name}" for name in arrays), numbers)


class NumpyPredictor:
    """A model's `predict`, in NumPy alone.

    Parameters
    ----------
    reading : Reading

    Attributes
    ----------
    weights : dict
        The arrays, by names such as "0.W".

    Examples
    --------
    >>> from fastnn import Dense, Sequential
    >>> predict = Sequential([Dense(3)], seed=0).build(2).to_numpy()
    >>> predict
    <predict of Dense 3, in NumPy: (n, 2) -> (n, 3) float32>
    >>> predict([[1.0, 2.0]]).shape
    (1, 3)
    """

    def __init__(self, reading: Reading) -> None:
        self._about, self._dtype = str(reading), reading.dtype.name
        self._n_in, self._n_out = reading.n_in, reading.n_out
        self._steps = [_step(*layer) for layer in reading.predicting()]
        # Standardize works on the numbers as they come, and gives the model's own type.
        wide = bool(self._steps) and self._steps[0].formula is formulas.standardize
        self._reads = "float64" if wide else self._dtype
        self.weights = {
            f"{k}.{name}": array
            for k, arrays in enumerate(reading.arrays)
            for name, array in arrays.items()
        }

    def __call__(self, X: Any) -> np.ndarray:
        """Outputs (n, n_outputs) for X (n, features)."""
        z = formulas.rows(X, self._n_in, self._reads)
        for step in self._steps:
            z = step.formula(z, *(self.weights[name] for name in step.names), *step.numbers)
        return z

    def __repr__(self) -> str:
        shapes = f"(n, {self._n_in}) -> (n, {self._n_out}) {self._dtype}"
        return f"<predict of {self._about}, in NumPy: {shapes}>"

    def module(self, name: str) -> str:
        """The text of a Python module of that name, with the same `predict` and `weights`."""
        used: dict[Formula, None] = dict.fromkeys(step.formula for step in self._steps)
        needed: list[Formula] = [*used, formulas.rows, formulas.array]
        return MODULE.format(
            about=textwrap.fill(f"{self._about}: to predict with, written by fastnn.", 90),
            name=name,
            n_in=self._n_in,
            n_out=self._n_out,
            dtype=self._reads,
            imports="import base64" + "\nimport math" * (formulas.gelu in used),
            lines="\n".join(f"    z = {step}" for step in self._steps),
            functions="\n\n".join(map(inspect.getsource, needed)).strip(),
            weights="\n".join(f'    "{n}": {_literal(a)},' for n, a in self.weights.items()),
        )


def _literal(array: np.ndarray) -> str:
    """The call of `formulas.array` that makes it."""
    little = array.astype(array.dtype.newbyteorder("<"))
    text = base64.encodebytes(little.tobytes()).decode()
    return f'array("{little.dtype.str}", {array.shape}, """\n{text}""")'


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def to_numpy(model: Any, path: str | Path | None = None) -> NumpyPredictor:
    """A model as a function; see `Sequential.to_numpy`."""
    file = None if path is None else as_path(path)
    if file is not None and not (file.suffix == ".py" and _is_name(file.stem)):
        raise ValueError(
            f"got the path {str(path)!r}; expected a file that Python can import, such as "
            "'digits.py'"
        )
    predictor = NumpyPredictor(read(model, "to_numpy"))
    if file is not None:
        write_whole(file, predictor.module(file.stem).encode())
    return predictor
