"""The saved states of a session, and the tree that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.history import History
from fastnn.model.loading import load
from fastnn.model.sequential import Sequential
from fastnn.session.journal import JOURNAL, Journal

Save = dict[str, Any]


class Saves:
    """Models in files, each with the save it came from, as the journal tells.

    Parameters
    ----------
    directory : Path
    own : dict or None
        The models' own functions, for `fastnn.load`.
    """

    def __init__(self, directory: Path, own: dict[str, Any] | None) -> None:
        self.directory, self.own = directory, own
        self.journal = Journal(directory / JOURNAL)

    @property
    def tips(self) -> dict[str, Save]:
        """The newest save of each branch."""
        return {save["branch"]: save for save in self.journal.of("save")}

    def add(
        self, model: Sequential, branch: str, reason: str, settings: dict[str, Any],
        parent: int | None,
    ) -> Save:  # fmt: skip
        """Save a model as the newest of its branch; its parent is the one before, if none is given.

        The file is on the disk before the journal tells of it.
        """
        tip = self.tips.get(branch)
        if parent is None and tip is not None:
            parent = tip["id"]
        number = sum(1 for _ in self.journal.of("save"))
        file = f"{number:06d}.safetensors"
        model.save(self.directory / file)
        plain = {name: _plain(value) for name, value in settings.items()}
        return self.journal.append(
            "save", id=number, file=file, branch=branch, epoch=model.epoch, parent=parent,
            reason=reason, settings=plain,
        )  # fmt: skip

    def load(self, save: Save) -> Sequential:
        """The model as it was saved."""
        return load(self.directory / save["file"], own=self.own)

    def lineage(self, branch: str) -> list[Save]:
        """The saves from the newest of a branch back to the first of all."""
        saves = {save["id"]: save for save in self.journal.of("save")}
        line = [self.tips[branch]]
        while line[-1]["parent"] is not None:
            line.append(saves[line[-1]["parent"]])
        return line

    def before(self, branch: str, epoch: int) -> Save:
        """The save to start from, to come to the end of an epoch.

        Of those at that end the first: later ones hold what was changed there. One that was
        broken off in the middle of the next epoch is none of them.
        """
        line = self.lineage(branch)
        at = [save for save in line if save["epoch"] == epoch and save["reason"] != "broken off"]
        return at[-1] if at else next(save for save in line if save["epoch"] < epoch)


def told(saves: Saves, branch: str) -> tuple[list[tuple[int, str]], list[tuple[str, History]]]:
    """A branch's life for a picture: its interventions, and the lives that it has left behind."""
    line = {save["id"] for save in saves.lineage(branch)}
    by_id = {save["id"]: save for save in saves.journal.of("save")}
    events: list[tuple[int, str]] = []
    others: list[tuple[str, History]] = []
    waiting: list[tuple[int, str]] = []
    undone: list[str] = []
    for event in saves.journal.events:
        kind = event["event"]
        if kind == "set":
            changes = ", ".join(f"{k} {_shown(v)}" for k, v in event["changes"].items())
            waiting.append((event["epoch"], changes))
        elif kind == "rollback" and event["branch"] == branch:
            tried = f" ({'; '.join(undone)})" if undone else ""
            events.append((event["epoch"], f"back from {event['left']}{tried}"))
            undone = []
            left = saves.load(by_id[event["save"]]).history
            others.append((f"left behind at {event['left']}", left))
        elif kind == "save":
            # A change was made on the way to the present state if its save is on that way.
            if event["id"] in line:
                events += waiting
            elif event["branch"] == branch:
                undone += [changes for _, changes in waiting]
            waiting = []
    for name, tip in saves.tips.items():
        if name != branch:
            others.append((name, saves.load(tip).history))
    return events, [(name, history) for name, history in others if len(history)]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """A setting as JSON holds it: row numbers, and pairs of them, as lists."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
