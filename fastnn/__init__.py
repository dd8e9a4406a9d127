"""fastnn: small neural networks, trained fast on a CPU.

>>> from fastnn import Dense, Sequential, Softmax
>>> model = Sequential([Dense(3), Softmax()])
"""

from importlib import import_module
from typing import Any

from fastnn import datasets, initializers, losses, metrics, plotting, schedules
from fastnn.callbacks import (
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    JSONLog,
    Progress,
    ReduceOnPlateau,
    TensorBoardLog,
)
from fastnn.engine.compilation import warmup
from fastnn.engine.threads import get_num_threads, set_num_threads
from fastnn.files.moved import find_by_old_names
from fastnn.files.persistence import ModelFileError
from fastnn.files.version import __version__
from fastnn.history import History
from fastnn.inputs.names import suggestion
from fastnn.layers import (
    ELU,
    GELU,
    SELU,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Hardmax,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Scale,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Standardize,
    Tanh,
)
from fastnn.loading import load
from fastnn.model.sequential import Sequential
from fastnn.optimizers import LBFGS, SGD, Adam, AdamW, NAdam, RMSprop, Rprop
from fastnn.session import Session
from fastnn.training.divergence import DivergenceError

__all__ = [
    "ELU",
    "GELU",
    "LBFGS",
    "SELU",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "BatchNorm",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "Dense",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "Hardmax",
    "History",
    "Identity",
    "JSONLog",
    "LeakyReLU",
    "Mish",
    "ModelFileError",
    "NAdam",
    "Progress",
    "RMSprop",
    "ReLU",
    "ReduceOnPlateau",
    "Rprop",
    "Scale",
    "Sequential",
    "Session",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Standardize",
    "TabularModel",
    "Tanh",
    "TensorBoardLog",
    "__version__",
    "check_gradient",
    "datasets",
    "diagnostics",
    "get_num_threads",
    "initializers",
    "load",
    "losses",
    "metrics",
    "plotting",
    "schedules",
    "set_num_threads",
    "tabular",
    "tune",
    "warmup",
]


find_by_old_names()


def __getattr__(name: str) -> Any:
    """What is imported when it is asked for, for the time of start-up."""
    if name in ("diagnostics", "tabular", "tune"):
        return import_module(f"fastnn.{name}")
    if name == "TabularModel":
        return import_module("fastnn.tabular").TabularModel
    if name == "check_gradient":
        return import_module("fastnn.diagnostics.gradients").check_gradient
    meant = suggestion("layer", name, __all__).strip()
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}{meant and '; '}{meant}")
