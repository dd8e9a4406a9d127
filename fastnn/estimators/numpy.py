"""A fitted estimator as a function in NumPy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from fastnn.estimators.convert import networks_of
from fastnn.export import formulas
from fastnn.export.numpy import Around, NumpyPredictor, Step, written
from fastnn.export.reading import read


def to_numpy(e: Any, path: str | Path | None = None) -> NumpyPredictor:
    """A fitted estimator as a function; see `BaseMLP.to_numpy`."""
    check_is_fitted(e)
    return written(lambda: _predictor(e), path)


def _predictor(e: Any) -> NumpyPredictor:
    networks = networks_of(e)
    arrays, before, reads = _before(e)
    n_out = networks[0]._built().layout.n_out
    each: list[Step] = []
    after: list[Step] = []
    if not is_classifier(e):
        more, each = _in_units(e, n_out)
        arrays |= more
    elif len(e.classes_) == 1:
        after = [Step(formulas.certain)]
    elif n_out == 1:
        after, n_out = [Step(formulas.both_classes)], 2
    around = Around(
        tuple(arrays.items()), tuple(before), ends=(tuple(each),) * len(networks),
        after=tuple(after), reads=reads,
        n_in=e.n_features_in_, n_out=n_out,
    )  # fmt: skip
    return NumpyPredictor([read(network, "to_numpy") for network in networks], around)


def _before(e: Any) -> tuple[dict[str, np.ndarray], list[Step], str]:
    """What a preset makes of X: arrays, steps, and the dtype that it reads."""
    encoder = getattr(e, "_inputs", None)
    if encoder is None:
        return {}, [], ""
    if encoder.encoder is not None or len(encoder.left_out):
        raise ValueError(
            "to_numpy reads X as one array of numbers, and this preset has learned columns of "
            "categories; use to_onnx"
        )
    names = "median", "factor"
    arrays = dict(zip(names, (encoder.median, encoder.factor), strict=True))
    told = Step(formulas.gaps_told, numbers=(tuple(encoder.gaps.tolist()),))
    scaled = Step(formulas.softly_scaled, names)
    return arrays, [told, scaled, Step(formulas.gaps_filled)], "float64"


def _in_units(e: Any, n_out: int) -> tuple[dict[str, np.ndarray], list[Step]]:
    """From a network's outputs to targets."""
    one = getattr(e, "estimators_", [e])[0]
    steps = [Step(formulas.exponential)] if one.out_activation_ == "exp" else []
    units = one._units(n_out)
    if units is None:
        return {}, steps
    arrays = dict(zip(("y_scale", "y_mean"), units, strict=True))
    return arrays, [*steps, Step(formulas.in_units, tuple(arrays))]
