"""Floor 4. fastnn: small neural networks, trained fast on a CPU.

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
from fastnn.checks import check_gradient
from fastnn.compilation import warmup
from fastnn.history import History
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
from fastnn.model import Sequential
from fastnn.optimizers import LBFGS, SGD, Adam, AdamW, NAdam, RMSprop, Rprop
from fastnn.persistence import ModelFileError
from fastnn.saving import load
from fastnn.session import Session
from fastnn.threads import get_num_threads, set_num_threads
from fastnn.training import DivergenceError
from fastnn.version import __version__

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
    "tune",
    "warmup",
]


def __getattr__(name: str) -> Any:
    """`fastnn.tune` and `fastnn.diagnostics` are imported when they are asked for."""
    if name in ("diagnostics", "tune"):
        return import_module(f"fastnn.{name}")
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}")
