"""Floor 3. History: what each epoch of training measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """One row an epoch, over all calls of `fit`.

    Attributes
    ----------
    history : dict of lists
        A list a column: "loss", the metrics, "val_loss" and "val_..." where there is validation,
        "learning_rate" and "seconds".
    epoch : list of int
        Epoch numbers, from 1, over the model's life.

    Examples
    --------
    >>> history = History()
    >>> history.append(1, {"loss": 0.5})
    >>> history.history["loss"]
    [0.5]
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)

    def append(self, epoch: int, row: Mapping[str, float]) -> None:
        """Add one epoch; columns that are new, or missing this time, hold NaN elsewhere."""
        for name in row:
            self.history.setdefault(name, [float("nan")] * len(self.epoch))
        for name, column in self.history.items():
            column.append(float(row.get(name, float("nan"))))
        self.epoch.append(epoch)

    def __len__(self) -> int:
        return len(self.epoch)

    def __getitem__(self, column: str) -> list[float]:
        return self.history[column]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each epoch as a dictionary."""
        for i, epoch in enumerate(self.epoch):
            yield {"epoch": epoch} | {name: column[i] for name, column in self.history.items()}
