"""Export to NumPy: a function of X, and a module that needs nothing else."""

from __future__ import annotations

import base64
import inspect
import keyword
import textwrap
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastnn.export import formulas
from fastnn.export.activations import FORMS
from fastnn.export.reading import Reading, read
from fastnn.files.whole import write_whole
from fastnn.inputs.paths import as_path
from fastnn.kernels import codes
from fastnn.layers import Dense, Embedding, Layer, PeriodicEmbedding, PiecewiseLinearEncoding

Formula = Callable[..., Any]

FORMULAS: dict[int, Formula] = {
    codes.DENSE: formulas.dense,
    codes.BATCHNORM: formulas.batchnorm,
    codes.STANDARDIZE: formulas.standardize,
    codes.SCALE: formulas.scale,
    codes.MEMBERS: formulas.members,
    codes.PERIODIC: formulas.periodic,
    codes.EMBEDDING: formulas.embedding,
    codes.PIECEWISE: formulas.piecewise,
}
"""Of the layers that hold arrays: these are the arguments, in the model's order. And of others."""
OF_MEMBERS: dict[int, Formula] = {
    codes.BATCHNORM: formulas.members_batchnorm,
    codes.SCALE: formulas.members_scale,
}
"""After `Members`."""
WITH_NUMBER = codes.BATCHNORM, codes.LEAKY_RELU, codes.ELU
"""Layers whose formula takes the layer's number last."""

WITH_MATH = formulas.gelu, formulas.periodic
"""Formulas that need the module math."""

MODULE = '''"""{about}

    from {name} import predict

predict(X) takes X {takes} and returns (n, {n_out}). It needs NumPy only.
"""

from __future__ import annotations

{imports}

import numpy as np


def predict(X):
    """Outputs (n, {n_out}) for X {takes}."""
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
    names: tuple[str, ...] = ()
    numbers: tuple[Any, ...] = ()

    def __call__(self, z: Any, weights: dict[str, np.ndarray]) -> np.ndarray:
        return self.formula(z, *(weights[name] for name in self.names), *self.numbers)

    def __str__(self) -> str:
        arrays = [f'weights["{name}"]' for name in self.names]
        return f"{self.formula.__name__}({', '.join(['z', *arrays, *map(repr, self.numbers)])})"


class Around(NamedTuple):
    """What surrounds networks: steps before all, before and after each, and after their average.

    `arrays` holds what the steps read, `reads` names the dtype of X, `n_in` and `n_out` count
    columns; "" and 0 stand for the networks' own.
    `starts` are the steps before each network; where there are some, X is a table.
    """

    arrays: tuple[tuple[str, np.ndarray], ...] = ()
    before: tuple[Step, ...] = ()
    starts: tuple[tuple[Step, ...], ...] = ()
    ends: tuple[tuple[Step, ...], ...] = ()
    after: tuple[Step, ...] = ()
    reads: str = ""
    n_in: int = 0
    n_out: int = 0


def _steps(reading: Reading, prefix: str) -> list[Step]:
    """The steps of a network."""
    members = reading.members
    steps = [_step(*layer, prefix, members[layer[0]]) for layer in reading.predicting()]
    average = Step(formulas.members_average, (), (members[-1],))
    return [*steps, average] if members[-1] > 1 else steps


def _step(k: int, layer: Layer, arrays: dict[str, np.ndarray], prefix: str, members: int) -> Step:
    formula = FORMULAS.get(layer.kind) or FORMS[layer.kind].formula
    if members > 1:
        formula = OF_MEMBERS.get(layer.kind, formula)
    if isinstance(layer, Dense) and not layer.shared:
        formula = formulas.members_dense
    numbers: tuple[Any, ...] = (layer.alpha,) if layer.kind in WITH_NUMBER else ()
    if isinstance(layer, PeriodicEmbedding):
        numbers = (layer.start,)
    if isinstance(layer, Embedding):
        numbers = (layer.column,)
    if isinstance(layer, PiecewiseLinearEncoding):
        numbers = (layer.knots, layer.height)
    return Step(formula, tuple(f"{prefix}{k}.{name}" for name in arrays), numbers)


class NumpyPredictor:
    """A model's `predict`, or an estimator's, in NumPy alone.

    Parameters
    ----------
    readings : sequence of Reading
        Of each network; what they answer is averaged.
    around : Around, optional

    Attributes
    ----------
    weights : dict
        The arrays, by names such as "0.W"; of several networks such as "member1.0.W".

    Examples
    --------
    >>> from fastnn import Dense, Sequential
    >>> predict = Sequential([Dense(3)], seed=0).build(2).to_numpy()
    >>> predict
    <predict of Dense 3, in NumPy: (n, 2) float32 -> (n, 3)>
    >>> predict([[1.0, 2.0]]).shape
    (1, 3)
    """

    def __init__(self, readings: Sequence[Reading], around: Around | None = None) -> None:
        first, self._around = readings[0], around or Around()
        self._about = str(first)
        if len(readings) > 1:
            self._about = f"the average of {len(readings)} networks, each {self._about}"
        self._n_in = self._around.n_in or first.n_in
        self._n_out = self._around.n_out or first.n_out
        prefixes = [f"member{k}." if len(readings) > 1 else "" for k in range(len(readings))]
        networks = [
            _steps(reading, prefix) for prefix, reading in zip(prefixes, readings, strict=True)
        ]
        nothing = [()] * len(networks)
        starts, ends = self._around.starts or nothing, self._around.ends or nothing
        self._chains = [
            [*start, *steps, *end] for start, steps, end in zip(starts, networks, ends, strict=True)
        ]
        self._takes_table = bool(self._around.starts)
        # Standardize works on the numbers as they come, and gives the model's own type.
        wide = formulas.standardize in [steps[0].formula for steps in networks if steps]
        self._reads = self._around.reads or ("float64" if wide else first.dtype.name)
        self.weights = dict(self._around.arrays) | {
            f"{prefix}{k}.{name}": array
            for prefix, reading in zip(prefixes, readings, strict=True)
            for k, arrays in enumerate(reading.arrays)
            for name, array in arrays.items()
        }

    def __call__(self, X: Any) -> np.ndarray:
        """Outputs (n, n_outputs) for X (n, features)."""
        x = X if self._takes_table else formulas.rows(X, self._n_in, self._reads)
        answers = []
        for step in self._around.before:
            x = step(x, self.weights)
        for steps in self._chains:
            z = x
            for step in steps:
                z = step(z, self.weights)
            answers.append(z)
        z = formulas.average(answers) if len(answers) > 1 else z
        for step in self._around.after:
            z = step(z, self.weights)
        return z

    @property
    def _takes(self) -> str:
        return "a table of columns" if self._takes_table else f"(n, {self._n_in}) {self._reads}"

    def __repr__(self) -> str:
        return f"<predict of {self._about}, in NumPy: {self._takes} -> (n, {self._n_out})>"

    def _lines(self) -> list[str]:
        """The statements of `predict`."""
        rows = f'rows(X, {self._n_in}, "{self._reads}")'
        lines = [f"z = {'X' if self._takes_table else rows}"]
        lines += [f"z = {step}" for step in self._around.before]
        chains = [[f"z = {step}" for step in steps] for steps in self._chains]
        if len(chains) == 1:
            lines += chains[0]
        else:
            lines.append("x, answers = z, []")
            for chain_lines in chains:
                lines += ["z = x", *chain_lines, "answers.append(z)"]
            lines.append("z = average(answers)")
        return lines + [f"z = {step}" for step in self._around.after]

    def module(self, name: str) -> str:
        """The text of a Python module of that name, with the same `predict` and `weights`."""
        around = self._around
        steps = [*around.before, *chain(*self._chains), *around.after]
        used: dict[Formula, None] = dict.fromkeys(step.formula for step in steps)
        several = [formulas.average] if len(self._chains) > 1 else []
        needed: list[Formula] = [*used, *several, formulas.rows, formulas.array]
        return MODULE.format(
            about=textwrap.fill(f"{self._about}: to predict with, written by fastnn.", 90),
            name=name,
            takes=self._takes,
            n_out=self._n_out,
            imports="import base64" + "\nimport math" * any(f in used for f in WITH_MATH),
            lines="\n".join(f"    {line}" for line in self._lines()),
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
    return written(lambda: NumpyPredictor([read(model, "to_numpy")]), path)


def written(make: Callable[[], NumpyPredictor], path: str | Path | None) -> NumpyPredictor:
    """What `make` makes, and where there is a path, its module there."""
    file = None if path is None else as_path(path)
    if file is not None and not (file.suffix == ".py" and _is_name(file.stem)):
        raise ValueError(
            f"got the path {str(path)!r}; expected a file that Python can import, such as "
            "'digits.py'"
        )
    predictor = make()
    if file is not None:
        write_whole(file, predictor.module(file.stem).encode())
    return predictor
