"""Callbacks: the protocol, early stopping, progress, checkpoints, logs, plateaus."""

from collections.abc import Sequence
from typing import Any

from fastnn.callbacks.base import Callback, chosen, get
from fastnn.callbacks.checkpoint import Checkpoint
from fastnn.callbacks.early_stopping import EarlyStopping
from fastnn.callbacks.logs import CSVLog, JSONLog, TensorBoardLog
from fastnn.callbacks.plateau import ReduceOnPlateau
from fastnn.callbacks.progress import Progress
from fastnn.inputs.calls import explained_parts
from fastnn.inputs.settings import is_one_of

__all__ = [
    "CSVLog",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "JSONLog",
    "Progress",
    "ReduceOnPlateau",
    "TensorBoardLog",
    "get",
    "listeners",
]

explained_parts(
    [CSVLog, Checkpoint, EarlyStopping, JSONLog, Progress, ReduceOnPlateau, TensorBoardLog]
)


def listeners(callbacks: Sequence[Any], verbose: Any) -> list[Callback]:
    """The callbacks of a fit, with the progress line where it is wanted."""
    if not is_one_of(verbose, ("auto", 0, 1)):
        raise ValueError(
            f'verbose is {verbose!r}; expected "auto", 0 or 1; JSONLog and CSVLog write a line an '
            "epoch"
        )
    wanted = chosen(callbacks)
    if not verbose:
        return wanted
    progress = Progress()
    return [*wanted, progress] if verbose != "auto" or progress.is_live() else wanted
