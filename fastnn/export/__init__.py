"""Export: a trained model as ONNX, as plain NumPy, as PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn.inputs.calls import explained

if TYPE_CHECKING:
    from fastnn.export.numpy import NumpyPredictor


@explained
class Exports:
    """The methods of a model that take it elsewhere.

    They write what the model predicts with: the weights, and the statistics of batch norm and of
    `Standardize`. `Sequential.save` is for going on with training.
    """

    def to_onnx(self, path: str | Path) -> None:
        """Write the model as an ONNX file, which other programs and languages predict with.

        Parameters
        ----------
        path : path
            Such as "digits.onnx". There is, at any moment, the old file or the new one, whole.

        Raises
        ------
        ImportError
            Without onnx: ``pip install "fastnn-mlp[onnx]"``.
        ValueError
            For a model without weights, or with an activation of your own.

        Notes
        -----
        Opset 18. The graph has one input, "input" (batch, features), and one output, "output"
        (batch, outputs), both of the model's dtype; the batch may have any number of rows.
        onnxruntime agrees with `predict` to rounding, about 1e-6 in float32. It has no erf in
        float64, so that it does not load a float64 model with `GELU`.

        Examples
        --------
        >>> import tempfile
        >>> from fastnn import Dense, ReLU, Sequential
        >>> model = Sequential([Dense(4), ReLU(), Dense(1)], seed=0).build(2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.to_onnx(folder + "/model.onnx")
        """
        from fastnn.export.onnx import to_onnx

        to_onnx(self, path)

    def to_numpy(self, path: str | Path | None = None) -> NumpyPredictor:
        """The model as a function of X that computes with NumPy alone; with a path, also a module.

        Parameters
        ----------
        path : path, optional
            A Python file to write, such as "digits.py". It holds the formulas, to be read, and the
            weights; it needs neither fastnn nor Numba: ``from digits import predict``.

        Returns
        -------
        predict : NumpyPredictor
            ``predict(X)`` gives what `predict` of the model gives, to rounding;
            ``predict.weights`` are copies of the arrays, by names such as "0.W".

        Raises
        ------
        ValueError
            For a model without weights, with an activation of your own, or a path that is no
            name of a Python module.

        Notes
        -----
        Of X only the shape is checked; `predict` of the model also refuses NaN and infinity. The
        module holds the weights as text, some 5 bytes a number in float32.

        Examples
        --------
        >>> import numpy as np
        >>> from fastnn import Dense, ReLU, Sequential
        >>> model = Sequential([Dense(4), ReLU(), Dense(1)], seed=0).build(2)
        >>> predict = model.to_numpy()
        >>> bool(np.allclose(predict([[1, 2]]), model.predict([[1, 2]])))
        True
        >>> list(predict.weights)
        ['0.W', '0.b', '2.W', '2.b']
        """
        from fastnn.export.numpy import to_numpy

        return to_numpy(self, path)

    def to_torch(self) -> Any:
        """The model as a ``torch.nn.Sequential`` with copies of the weights, on the CPU.

        Returns
        -------
        network : torch.nn.Sequential
            In evaluation mode, where it agrees with `predict` to rounding; call ``train()`` to
            train it. It has one module a layer: ``network[:-1]`` leaves out a final `Softmax`,
            which ``torch.nn.CrossEntropyLoss`` wants. After `Members` there is one more at the
            end, which averages: ``network[:-1]`` has a row for each member of a row.

        Raises
        ------
        ImportError
            Without PyTorch: ``pip install "fastnn-mlp[torch]"``.
        ValueError
            For a model without weights, or with an activation of your own.

        Notes
        -----
        PyTorch's momentum of batch norm is 1 minus fastnn's. All parameters are trainable, those
        that `initialize_from` has frozen too. `Standardize`, `Scale`, `Members`, what follows it
        and has members of its own, and `Hardmax` are modules of fastnn, which whoever unpickles the
        whole network needs; a ``state_dict`` is plain.
        """
        from fastnn.export.torch import to_torch

        return to_torch(self)
