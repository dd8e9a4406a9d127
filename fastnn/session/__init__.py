"""Session: one model, watched over days; change course, go back to yesterday's."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn.callbacks.base import chosen
from fastnn.history import History
from fastnn.inputs.calls import explained
from fastnn.inputs.names import suggestion
from fastnn.inputs.paths import as_directory, as_path, make_directory
from fastnn.inputs.settings import check_count
from fastnn.model.sequential import Sequential
from fastnn.plotting import learning_curves
from fastnn.session.changes import FIT_SETTINGS, changed, check_fit_settings
from fastnn.session.journal import JOURNAL, Journal
from fastnn.session.keeper import Keeper
from fastnn.session.rows import check_same, digests_of
from fastnn.session.saves import Saves, told

__all__ = ["Session"]

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@explained
class Session:
    """One model and its data, trained over hours or days, with every step back possible.

    A journal in a directory tells what was changed and when; beside it lie saved states. Training
    is repeatable to the bit, so that any epoch can be gone back to: the nearest state before it is
    loaded, and the epochs between are trained again.

    Parameters
    ----------
    model : Sequential
        Compiled; trained before or not.
    X, y : arrays
        As in `Sequential.fit`; the same each time the session is resumed.
    directory : path
        Of the journal and the saved states; a new or an empty one.
    validation_data, sample_weight : optional
        As in `Sequential.fit`.
    own : dict, optional
        The model's own functions by name, as `fastnn.load` wants them.
    **settings
        Of `Sequential.fit`: batch_size, shuffle, validation_split, validation_freq,
        training_metrics.

    Attributes
    ----------
    model : Sequential
        As it is now.
    branch_name : str
        The branch it is on, "main" at first.
    branches : dict
        The epoch that each branch has reached.
    journal : list of dict
        What was done: events with their time (UTC), as far as a person did it.

    Examples
    --------
    >>> import tempfile
    >>> from fastnn import Dense, ReLU, Sequential, Session, Softmax
    >>> from fastnn.datasets import load_digits
    >>> model = Sequential([Dense(32), ReLU(), Dense(10), Softmax()], seed=0)
    >>> model.compile("adam")
    >>> session = Session(model, *load_digits(), directory=tempfile.mkdtemp())
    >>> history = session.run(5)
    >>> session.set(learning_rate=10.0)
    >>> history = session.run(2)
    >>> session.rollback(to=5)
    >>> session.model.epoch
    5
    """

    def __init__(
        self,
        model: Sequential,
        X: Any,
        y: Any,
        *,
        directory: str | Path,
        validation_data: tuple | None = None,
        sample_weight: Any = None,
        own: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        if not isinstance(model, Sequential):
            raise TypeError(f"got {model!r:.60}; expected a Sequential")
        unknown = [name for name in settings if name not in FIT_SETTINGS]
        if unknown:
            hint = suggestion("argument", unknown[0], list(FIT_SETTINGS))
            takes = f"{'I' if hint else 'i'}t takes, of fit, {', '.join(FIT_SETTINGS)}"
            raise TypeError(f'Session takes no "{unknown[0]}"; {hint}{takes}')
        data = digests_of(model, X, y, validation_data, sample_weight)
        check_fit_settings(settings, len(X), model._compiled().optimizer)
        path = as_directory(directory)
        make_directory(path)
        if any(path.iterdir()):
            raise FileExistsError(
                f"{path} is not empty; give a new directory, or go on with the session in it: "
                "Session.resume(directory, X, y)"
            )
        self._saves = Saves(path, own)
        self._take(X, y, validation_data, sample_weight)
        self.model, self._settings, self.branch_name = model, settings, "main"
        self._journal.append("begin", data=data)
        self._save("begin")

    @classmethod
    def resume(
        cls,
        directory: str | Path,
        X: Any,
        y: Any,
        *,
        validation_data: tuple | None = None,
        sample_weight: Any = None,
        own: dict[str, Any] | None = None,
    ) -> Session:
        """Go on with the session in a directory, on the same data, as it was last saved.

        Raises
        ------
        FileNotFoundError
            Where the directory holds no session.
        ValueError
            Where X, y, validation_data or sample_weight are not those of the session; an array of
            another type that holds the same numbers is.
        """
        path = as_path(directory, "directory")
        if not (path / JOURNAL).is_file():
            raise FileNotFoundError(f"{path} holds no session: there is no {JOURNAL} in it")
        session = cls.__new__(cls)
        session._saves = Saves(path, own)
        if not session._saves.tips:
            session.close()
            raise FileNotFoundError(f"{path} holds no saved state; begin a new session elsewhere")
        tip = list(session._journal.of("save"))[-1]
        try:
            session.model = session._saves.load(tip)
            data = digests_of(session.model, X, y, validation_data, sample_weight)
            begun = next(session._journal.of("begin"))["data"]
            check_same(begun, data, X, y, session.model.dtype)
        except BaseException:
            session.close()
            raise
        session._take(X, y, validation_data, sample_weight)
        session._settings, session.branch_name = tip["settings"], tip["branch"]
        return session

    def _take(self, X: Any, y: Any, validation_data: Any, sample_weight: Any) -> None:
        self._X, self._y = X, y
        self._fit = {"validation_data": validation_data, "sample_weight": sample_weight}

    @property
    def directory(self) -> Path:
        """Where the journal and the saved states are."""
        return self._saves.directory

    @property
    def _journal(self) -> Journal:
        return self._saves.journal

    def close(self) -> None:
        """Close the journal; another process may then resume the session."""
        self._journal.close()

    @property
    def branches(self) -> dict[str, int]:
        """The epoch that each branch has reached."""
        return {name: tip["epoch"] for name, tip in self._saves.tips.items()}

    @property
    def journal(self) -> list[dict[str, Any]]:
        """What was done, without the saves."""
        return [event for event in self._journal.events if event["event"] != "save"]

    def run(
        self, epochs: int, callbacks: Sequence[Any] = (), verbose: int | bool | str = "auto"
    ) -> History:
        """Train so many epochs; what was reached is saved also after Ctrl-C or divergence."""
        self._check_open()
        check_count(epochs, "epochs")
        before, reason = self.model.epoch, "broken off"
        try:
            self._train(self.model, epochs, [*chosen(callbacks), Keeper(self._save)], verbose)
            reason = "run"
        finally:
            if self.model._network is not None:
                self._journal.append(
                    "run", branch=self.branch_name, epochs=[before, self.model.epoch]
                )
                self._save(reason)
        return self.model.history

    def _train(
        self, model: Sequential, epochs: int, callbacks: Sequence[Any] = (), verbose: Any = 0
    ) -> None:
        model.fit(
            self._X, self._y, epochs, callbacks=callbacks, verbose=verbose,
            **self._fit, **self._settings,
        )  # fmt: skip

    def set(self, **changes: Any) -> None:
        """Change settings from here on; weights and the optimizer's state stay.

        Parameters
        ----------
        **changes
            Settings of the optimizer (``learning_rate``, ``momentum``, ``beta_1`` ...);
            ``dropout``, the rate of all Dropout layers; ``weight_decay`` (Adam becomes AdamW; with
            other optimizers it is L2); ``l1``, ``l2``; ``batch_size`` and the other settings of
            `fit` that a session takes.

        Raises
        ------
        ValueError
            For a setting that the model or its optimizer does not have; nothing is changed.
        """
        self._check_open()
        if not changes:
            raise ValueError("got no settings; pass some, such as set(learning_rate=1e-4)")
        of_fit = {name: value for name, value in changes.items() if name in FIT_SETTINGS}
        check_fit_settings(of_fit, len(self._X), self.model._compiled().optimizer)
        others = {name: value for name, value in changes.items() if name not in of_fit}
        layers, setup = changed(self.model.layers, self.model._compiled(), others)
        self.model._change(layers, setup)
        self._settings = {**self._settings, **of_fit}
        shown = {name: value if _plain(value) else repr(value) for name, value in changes.items()}
        self._journal.append("set", branch=self.branch_name, epoch=self.model.epoch, changes=shown)
        self._save("set")

    def rollback(self, to: int) -> None:
        """Go back to the end of an epoch, to the bit: weights, optimizer state and settings.

        Parameters
        ----------
        to : int
            An epoch of this branch, 0 for the start; -k goes back k epochs. What was reached since
            stays in the directory, and in `plot`.
        """
        self._check_open()
        if not isinstance(to, Integral) or isinstance(to, bool):
            raise TypeError(f"to is {to!r}; expected the number of an epoch, or -k: k epochs ago")
        now = self.model.epoch
        epoch = to + now if to < 0 else to
        root = self._saves.lineage(self.branch_name)[-1]["epoch"]
        if not root <= epoch <= now:
            raise ValueError(
                f"rollback to epoch {epoch}: the branch {self.branch_name!r} has epochs {root} to "
                f"{now}"
            )
        left = self._save("rollback")
        save = self._saves.before(self.branch_name, epoch)
        model = self._saves.load(save)
        settings, self._settings = self._settings, save["settings"]
        try:
            if epoch > model.epoch:
                self._train(model, epoch - model.epoch)
        except BaseException:
            self._settings = settings
            raise
        self.model = model
        self._journal.append(
            "rollback", branch=self.branch_name, epoch=epoch, left=now, save=left["id"]
        )
        self._save("back", parent=save["id"])

    def branch(self, name: str) -> None:
        """Begin a branch at the present state, and go on there."""
        self._check_open()
        if not isinstance(name, str) or not name:
            raise ValueError(f"the branch is named {name!r}; expected a text")
        if name in self._saves.tips:
            raise ValueError(f"there is a branch {name!r} already; switch({name!r}) goes to it")
        parent = self._save("branch")
        self._journal.append("branch", branch=name, epoch=self.model.epoch, left=self.branch_name)
        self.branch_name = name
        self._save("branch", parent=parent["id"])

    def switch(self, name: str) -> None:
        """Go to another branch, as it was left."""
        self._check_open()
        tips = self._saves.tips
        if not isinstance(name, str) or name not in tips:
            raise ValueError(f"there is no branch {name!r}; expected one of {', '.join(tips)}")
        self._save("switch")
        tip = tips[name]
        self.model = self._saves.load(tip)
        self._settings, left, self.branch_name = tip["settings"], self.branch_name, name
        self._journal.append("switch", branch=name, epoch=self.model.epoch, left=left)
        self._save("switch", parent=tip["id"])

    def plot(self, axes: Axes | Sequence[Axes] | None = None) -> list[Axes]:
        """Draw loss and metrics over the model's life, with each intervention marked.

        What rollbacks have left behind, and the other branches, are drawn thin. See
        `fastnn.plotting.learning_curves`.
        """
        events, others = told(self._saves, self.branch_name)
        return learning_curves(self.model.history, axes, events=events, branches=others)

    def __repr__(self) -> str:
        return (
            f"Session({str(self.directory)!r}: branch {self.branch_name!r}, epoch "
            f"{self.model.epoch})"
        )

    def _check_open(self) -> None:
        if self._journal.closed:
            raise ValueError(
                "the session is closed; go on with it by Session.resume("
                f"{str(self.directory)!r}, X, y)"
            )

    def _save(self, reason: str, parent: int | None = None) -> dict[str, Any]:
        """Save the present state as the newest of its branch."""
        return self._saves.add(self.model, self.branch_name, reason, self._settings, parent)


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | None)
