"""Export to PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.export.activations import FORMS
from fastnn.export.reading import read
from fastnn.inputs.packages import package
from fastnn.kernels import codes


def to_torch(model: Any) -> Any:
    """A model as a ``torch.nn.Sequential``; see `Sequential.to_torch`."""
    nn = package("torch", "to_torch needs PyTorch", '"fastnn-mlp[torch]"').nn
    reading = read(model, "to_torch")
    parts = zip(reading.layers, reading.arrays, reading.members, strict=False)
    modules = [_module(nn, reading.dtype, *part) for part in parts]
    if reading.members[-1] > 1:
        from fastnn.export.modules import Average

        modules.append(Average(reading.members[-1]))
    return nn.Sequential(*modules).eval()


def _module(
    nn: Any, dtype: np.dtype, layer: Any, arrays: dict[str, np.ndarray], members: int
) -> Any:
    import torch

    from fastnn.export import modules

    kind = layer.kind
    if kind in (codes.BATCHNORM, codes.SCALE) and members > 1:
        n = len(next(iter(arrays.values())))
        return modules.SideBySide(_module(nn, dtype, layer, arrays, 1), n)
    if kind in FORMS:
        return FORMS[kind].torch(nn, layer)
    tensors = [torch.from_numpy(array) for array in arrays.values()]
    if kind == codes.MEMBERS:
        return modules.Members(tensors[0].reshape(layer.k, -1))
    if kind == codes.EMBEDDING:
        return modules.Embedding(layer.column, *tensors)
    if kind == codes.PERIODIC:
        return modules.PeriodicEmbedding(layer.start, *tensors)
    if kind == codes.PIECEWISE:
        column, *sides = layer.sides()
        tables = np.array(sides, dtype).reshape(2, 3, -1)
        return modules.PiecewiseLinearEncoding(
            layer.height, torch.from_numpy(column), torch.from_numpy(tables)
        )
    if kind == codes.DENSE and not layer.shared:
        return modules.MembersLinear(members, *tensors)
    if kind == codes.DENSE:
        return _linear(nn, *tensors)
    if kind == codes.BATCHNORM:
        return _batchnorm(nn, layer, *tensors)
    if kind == codes.DROPOUT:
        return nn.Dropout(layer.rate)
    if kind == codes.STANDARDIZE:
        return modules.Standardize(*tensors)
    return modules.Scale(*tensors) if kind == codes.SCALE else nn.Identity()


def _linear(nn: Any, W: Any, b: Any = None) -> Any:
    # Without its own initialisation, which would draw from the user's generator.
    module = nn.utils.skip_init(nn.Linear, *W.shape, bias=b is not None, dtype=W.dtype)
    module.load_state_dict({"weight": W.T} | ({} if b is None else {"bias": b}))
    return module


def _batchnorm(nn: Any, layer: Any, gamma: Any, beta: Any, mean: Any, var: Any) -> Any:
    # The arguments in full: the user may have set another device as the default.
    module = nn.BatchNorm1d(
        len(mean), layer.epsilon, 1 - layer.momentum, device="cpu", dtype=mean.dtype
    )
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var}
    module.load_state_dict(state, strict=False)
    return module
