"""The methods of a tabular model that take it elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastnn.files.persistence import pack
from fastnn.files.whole import write_whole
from fastnn.inputs.paths import as_path

if TYPE_CHECKING:
    from fastnn.export.numpy import NumpyPredictor


class Conversions:
    """A trained tabular model as a file, as ONNX, as plain NumPy."""

    def save(self, path: str | Path) -> None:
        """Write all of it to one file; `fastnn.load` brings it back, in any process.

        Parameters
        ----------
        path : path
            Of a safetensors file with a digest: what the columns are, how they are encoded, the
            networks with their histories, the scores. One that exists is replaced, whole or not
            at all. Nothing in it is run when it is read.

        Raises
        ------
        OSError
            Where it cannot be written; an old file is left as it was.
        """
        write_whole(as_path(path), self.to_bytes())

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        from fastnn.tabular.portrait import tabular_portrait

        return pack(*tabular_portrait(self))

    def to_onnx(self, path: str | Path) -> None:
        """Write the whole way from raw columns to predictions as an ONNX file.

        It has an input (batch, 1) a column: text for categories, "" where it is missing, and
        numbers in double precision for the others, NaN where they are missing, dates as seconds
        since 1970. Its output is "prediction": (batch, classes) in the sequence of
        ``target_.classes``, or (batch, 1).

        Parameters
        ----------
        path : path

        Raises
        ------
        ImportError
            Without onnx: ``pip install "fastnn-mlp[onnx]"``.
        """
        from fastnn.tabular.onnx import to_onnx

        to_onnx(self, path)

    def to_numpy(self, path: str | Path | None = None) -> NumpyPredictor:
        """The whole way as a function that computes with NumPy alone; with a path, also a module.

        Parameters
        ----------
        path : path, optional
            A Python file to write, such as "churn.py": ``from churn import predict``.

        Returns
        -------
        predict : NumpyPredictor
            Takes a dict or a data frame of columns, text and numbers as `to_onnx` says, and gives
            (n, classes) in the sequence of ``target_.classes``, or (n, 1).

        Raises
        ------
        ValueError
            Before `fit`, or for a path that is no name of a Python module.
        """
        from fastnn.tabular.numpy import to_numpy

        return to_numpy(self, path)
