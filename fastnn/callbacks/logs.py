"""Logs: a line an epoch, in a file that other programs read."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from fastnn.callbacks.base import Callback
from fastnn.files.whole import write_whole
from fastnn.history import History, json_line
from fastnn.inputs.packages import package
from fastnn.inputs.paths import as_directory, as_path, check_writable, make_directory


def _last(history: History) -> dict[str, Any]:
    row = {name: column[-1] for name, column in history.history.items()}
    return {"epoch": history.epoch[-1], **row}


def _end_line(path: Path) -> None:
    """End the last line of a file that was cut off in it: the next row begins a new one."""
    if path.exists() and path.stat().st_size:
        with open(path, "r+b") as file:
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")


class JSONLog(Callback):
    """JSON Lines: one object an epoch, written at once; null stands for what was not measured.

    Parameters
    ----------
    path : path
        A file that exists is continued.

    Examples
    --------
    >>> from fastnn import JSONLog
    >>> log = JSONLog("training.jsonl")
    """

    def __init__(self, path: str | Path) -> None:
        self.path = as_path(path)

    def on_train_begin(self, model: Any, epochs: int) -> None:
        check_writable(self.path)
        _end_line(self.path)
        self._file = open(self.path, "a", newline="\n", encoding="utf-8")  # noqa: SIM115

    def on_epoch_end(self, model: Any, history: History) -> bool | None:
        self._file.write(json_line(_last(history)))
        self._file.flush()
        return None

    def on_train_end(self, model: Any, history: History) -> None:
        self._file.close()


class CSVLog(Callback):
    """Comma-separated values: a row an epoch, written at once; empty where nothing was measured.

    Parameters
    ----------
    path : path
        A file that exists is continued; columns that it does not have are added to it.

    Raises
    ------
    ValueError
        From `fit`, before it starts, where the file holds something else.

    Examples
    --------
    >>> from fastnn import CSVLog
    >>> log = CSVLog("training.csv")
    """

    def __init__(self, path: str | Path) -> None:
        self.path = as_path(path)

    def on_train_begin(self, model: Any, epochs: int) -> None:
        check_writable(self.path)
        self._columns: list[str] = []
        if self.path.exists() and self.path.stat().st_size:
            with open(self.path, newline="", encoding="utf-8", errors="replace") as file:
                self._columns = next(csv.reader(file), [])
            if self._columns[:1] != ["epoch"]:
                raise ValueError(
                    f"{self.path} is no log of CSVLog: its first column is not epoch; give another "
                    "path"
                )
        _end_line(self.path)
        self._file = open(self.path, "a", newline="", encoding="utf-8")  # noqa: SIM115

    def on_epoch_end(self, model: Any, history: History) -> bool | None:
        row = _last(history)
        if not set(row) <= set(self._columns):
            self._widen([*self._columns, *(name for name in row if name not in self._columns)])
        row = {name: "" if value != value else value for name, value in row.items()}
        csv.DictWriter(self._file, self._columns, restval="").writerow(row)
        self._file.flush()
        return None

    def _widen(self, columns: list[str]) -> None:
        """Write the file again, with more columns."""
        self._file.close()
        with open(self.path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, text.getvalue().encode())
        self._columns = columns
        self._file = open(self.path, "a", newline="", encoding="utf-8")  # noqa: SIM115

    def on_train_end(self, model: Any, history: History) -> None:
        self._file.close()


class TensorBoardLog(Callback):
    """TensorBoard: a scalar for each column of the history, by epoch.

    Parameters
    ----------
    directory : path
        Of the event files.

    Raises
    ------
    ImportError
        From `fit`, without tensorboardX: ``pip install "fastnn-mlp[tensorboard]"``.

    Examples
    --------
    >>> from fastnn import TensorBoardLog
    >>> log = TensorBoardLog("runs/first")  # for fit(..., callbacks=[log])
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = as_directory(directory)

    def on_train_begin(self, model: Any, epochs: int) -> None:
        use = "TensorBoardLog writes with tensorboardX"
        found = package("tensorboardX", use, '"fastnn-mlp[tensorboard]"')
        make_directory(self.directory)
        self._writer = found.SummaryWriter(str(self.directory))

    def on_epoch_end(self, model: Any, history: History) -> bool | None:
        row = _last(history)
        epoch = row.pop("epoch")
        for name, value in row.items():
            if value == value:
                self._writer.add_scalar(name, value, epoch)
        return None

    def on_train_end(self, model: Any, history: History) -> None:
        self._writer.close()
