"""Small neural networks, trained fast on a CPU.

>>> from fastnn import Dense, Sequential, Softmax
>>> model = Sequential([Dense(3), Softmax()])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastnn.files.moved import find_by_old_names
from fastnn.files.version import __version__

if TYPE_CHECKING:
    from fastnn import (
        datasets,
        diagnostics,
        initializers,
        losses,
        metrics,
        plotting,
        schedules,
        tune,
    )
    from fastnn import (
        tabular as tabular,
    )
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
    from fastnn.diagnostics.gradients import check_gradient
    from fastnn.engine.compilation import warmup
    from fastnn.engine.threads import get_num_threads, set_num_threads
    from fastnn.files.persistence import ModelFileError
    from fastnn.history import History
    from fastnn.layers import (
        ELU,
        GELU,
        SELU,
        Activation,
        BatchNorm,
        Dense,
        Dropout,
        Embedding,
        Hardmax,
        Identity,
        LeakyReLU,
        Members,
        Mish,
        PeriodicEmbedding,
        PiecewiseLinearEncoding,
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
    from fastnn.tabular import TabularModel as TabularModel
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
    "Embedding",
    "Hardmax",
    "History",
    "Identity",
    "JSONLog",
    "LeakyReLU",
    "Members",
    "Mish",
    "ModelFileError",
    "NAdam",
    "PeriodicEmbedding",
    "PiecewiseLinearEncoding",
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

_NEED_EXTRAS = ["TabularModel", "tabular"]
"""Public names that `from fastnn import *` leaves out: a plain installation cannot import them."""

_NAMES = {
    "callbacks": """Callback Checkpoint CSVLog EarlyStopping JSONLog Progress ReduceOnPlateau
        TensorBoardLog""",
    "diagnostics.gradients": "check_gradient",
    "engine.compilation": "warmup",
    "engine.threads": "get_num_threads set_num_threads",
    "files.persistence": "ModelFileError",
    "history": "History",
    "layers": """Activation BatchNorm Dense Dropout ELU Embedding GELU Hardmax Identity LeakyReLU
        Members Mish PeriodicEmbedding PiecewiseLinearEncoding ReLU SELU Scale SiLU Sigmoid
        Softmax Softplus Standardize Tanh""",
    "loading": "load",
    "model.sequential": "Sequential",
    "optimizers": "Adam AdamW LBFGS NAdam RMSprop Rprop SGD",
    "session": "Session",
    "tabular": "TabularModel",
    "training.divergence": "DivergenceError",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

find_by_old_names()


def __getattr__(name: str) -> Any:
    """What is imported when it is asked for, for the time of start-up."""
    if name in _HOMES:
        found = getattr(import_module(f"fastnn.{_HOMES[name]}"), name)
    elif name in __dir__():
        found = import_module(f"fastnn.{name}")
    else:
        from fastnn.inputs.names import suggestion

        meant = suggestion("layer", name, __dir__()).strip()
        raise AttributeError(f"module 'fastnn' has no attribute {name!r}{meant and '; '}{meant}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names, imported yet or not."""
    return sorted(__all__ + _NEED_EXTRAS)
