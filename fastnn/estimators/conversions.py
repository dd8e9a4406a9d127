"""The methods of an estimator that take it elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.export.numpy import NumpyPredictor


class Conversions:
    """A fitted estimator as a file, as scikit-learn's own, as ONNX, as plain NumPy."""

    def save(self, path: str | Path) -> None:
        """Write the estimator to one file; `fastnn.load` brings it back, to the bit.

        Parameters
        ----------
        path : path
            Of a safetensors file with a digest: parameters, networks, classes, names, categories,
            curves, and how far the training has come, so that `partial_fit` and `warm_start` go
            on. One that exists is replaced, whole or not at all. Nothing in it is run when it is
            read. Callbacks are not in it.

        Raises
        ------
        TypeError, ValueError
            For what no file can hold: a class or a function of your own, a generator as
            `random_state`, classes that are neither numbers nor texts; or before `fit`.
        OSError
            Where it cannot be written; an old file is left as it was.

        Examples
        --------
        >>> import tempfile
        >>> import fastnn
        >>> from sklearn.datasets import load_iris
        >>> from fastnn.estimators import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(folder + "/iris.safetensors")
        ...     twin = fastnn.load(folder + "/iris.safetensors")
        >>> bool((twin.predict_proba(X) == model.predict_proba(X)).all())
        True
        """
        from fastnn.estimators.saving import save

        save(self, path)

    def to_sklearn(self) -> Any:
        """scikit-learn's own MLP, fitted: it predicts as this one does.

        Batch norm and normalisation are folded into the weights.

        Raises
        ------
        ValueError
            Where scikit-learn's MLP cannot compute the same: another activation, an ensemble,
            a preset.
        """
        from fastnn.estimators.convert import to_sklearn

        return to_sklearn(self)

    def to_onnx(self, path: str | Path) -> None:
        """Write the estimator as an ONNX file: X as it comes to `predict` in, predictions out.

        Parameters
        ----------
        path : path
            Such as "model.onnx". There is, at any moment, the old file or the new one, whole.

        Raises
        ------
        ImportError
            Without onnx: ``pip install "fastnn-mlp[onnx]"``.
        ValueError
            Before `fit`.

        Notes
        -----
        Opset 18. The input is "input" (batch, features), of the network's dtype, float64 for a
        preset. A preset that has learned columns of categories has an input (batch, 1) for each
        column instead, by its name, or "x0", "x1" and so on: float64 with NaN for a gap, or text
        with "" for a gap. A classifier's outputs are "label" (batch,), or (batch, labels) of 0 and
        1, and "probabilities" (batch, classes); a regressor's is "prediction" (batch, targets).
        An ensemble and the scaling of a preset are part of the graph. onnxruntime agrees to
        rounding, about 1e-6 in float32.

        Examples
        --------
        >>> import tempfile
        >>> from sklearn.datasets import load_iris
        >>> from fastnn.estimators import MLPClassifier
        >>> model = MLPClassifier((8,), max_iter=5, random_state=0)
        >>> model = model.fit(*load_iris(return_X_y=True))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.to_onnx(folder + "/iris.onnx")
        """
        from fastnn.estimators.onnx import to_onnx

        to_onnx(self, path)

    def to_numpy(self, path: str | Path | None = None) -> NumpyPredictor:
        """A function of X that computes with NumPy alone; with a path, also a module.

        Parameters
        ----------
        path : path, optional
            A Python file to write, such as "iris.py": ``from iris import predict``.

        Returns
        -------
        predict : NumpyPredictor
            ``predict(X)``, X (n, features), gives what a classifier's `predict_proba` gives,
            (n, classes), or a regressor's `predict`, always (n, targets), to rounding.

        Raises
        ------
        ValueError
            Before `fit`, for a preset that has learned columns of categories, or a path that is no
            name of a Python module.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from fastnn.estimators import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, y)
        >>> bool(np.allclose(model.to_numpy()(X), model.predict_proba(X)))
        True
        """
        from fastnn.estimators.numpy import to_numpy

        return to_numpy(self, path)
