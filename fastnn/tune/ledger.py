"""The ledger: every trial a row of an SQLite file, shared by all who work on a study."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from fastnn.tune.schema import COLUMNS, SCHEMA, VERSION, as_json, as_progress, as_trial
from fastnn.tune.trial import Trial
from fastnn.tune.words import DAMAGE, damaged, in_words, is_of_content

BEAT_SECONDS = 2.0
"""How often a process says that it still works on its trials."""
STALE_SECONDS = 30.0
"""After so long without a word, a process counts as dead."""

GIVE_BACK = (
    "status = CASE WHEN epochs > 0 THEN 'paused' ELSE 'waiting' END, worker = NULL, "
    "heartbeat = NULL"
)


class Ledger:
    """One SQLite file with any number of studies, in WAL mode.

    Parameters
    ----------
    path : str or path
        ":memory:" keeps it in memory, for this process alone. The file must lie on a local disk:
        SQLite's write-ahead log does not work over a network.

    Notes
    -----
    The table ``trials`` has a row a trial; ``params``, ``curves`` and ``folds`` hold JSON::

        SELECT number, value, json_extract(params, '$.learning_rate') FROM trials ORDER BY value

    Examples
    --------
    >>> from fastnn import tune
    >>> ledger = tune.Ledger(":memory:")
    >>> ledger.close()
    """

    def __init__(self, path: Any = ":memory:") -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f'storage is {path!r:.60}; expected the path of a file, or ":memory:"')
        self.path = os.fspath(path)
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(
                self.path, timeout=60, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            address = self.path.startswith("sqlite:")
            alone = ", its path alone without sqlite:///" if address else ""
            raise ValueError(
                f'storage is "{self.path}", which cannot be opened ({error}); expected a file in a '
                f'folder that exists and may be written to{alone}, or ":memory:"'
            ) from None
        try:
            self._open()
        except BaseException as error:
            self._db.close()
            if not isinstance(error, DAMAGE):
                raise
            if not is_of_content(error):
                raise in_words(error, self.path) from error
            raise ValueError(
                f'storage is "{self.path}", which cannot serve as a ledger ({error}); pass '
                "another file name, or restore it from a copy"
            ) from None

    def _open(self) -> None:
        # NORMAL loses nothing when the process dies; only a power cut may cost the last rows.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if version == 0 and tables == 0:
                for statement in filter(str.strip, SCHEMA.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION or not self._is_ours():
                raise sqlite3.DatabaseError("it holds something else than fastnn's studies")
        found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(f"it is damaged: {found}")

    def _is_ours(self) -> bool:
        names = self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {"studies", "trials"} <= {name for (name,) in names}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Within it the file is this thread's, and what SQLite raises is said in words."""
        with self._lock:
            try:
                yield
            except sqlite3.ProgrammingError:
                raise
            except DAMAGE as error:
                raise in_words(error, self.path) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that no other process can come between."""
        with self.reading(), self._transaction():
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # SQLite may have taken it back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Give the running trials back, and close the file."""
        with self._lock:
            try:
                # Where that fails they are free once this process has ended.
                with suppress(OSError, ValueError), self.writing():
                    self._db.execute(
                        f"UPDATE trials SET {GIVE_BACK} WHERE worker = ? AND status = 'running'",
                        (self.worker,),
                    )
            finally:
                self._db.close()

    def study(self, key: str, settings: Mapping[str, Any]) -> int:
        """The number of the study with this key; a new one where there is none."""
        row = key, datetime.now(UTC).isoformat(timespec="seconds"), json.dumps(settings)
        with self.writing():
            self._db.execute(
                "INSERT OR IGNORE INTO studies (key, created, settings) VALUES (?, ?, ?)", row
            )
            found = self._db.execute("SELECT id FROM studies WHERE key = ?", (key,)).fetchone()
        return int(found[0])

    def enrol(self, study: int, trials: Iterable[Trial], labels: Callable[..., Any]) -> None:
        """Write new trials; of those that exist, raise the number of epochs wanted.

        Parameters
        ----------
        labels : callable
            Gives the form in which JSON can hold a point, or parameters.
        """
        with self.writing():
            for t in trials:
                point = json.dumps(labels(t.point))
                params = json.dumps(t.params, default=repr)
                self._db.execute(
                    "INSERT OR IGNORE INTO trials "
                    "(study, number, round, status, params, target, seed, point) "
                    "VALUES (?, ?, ?, 'waiting', ?, ?, ?, ?)",
                    (study, t.number, t.round, params, t.target, t.seed, point),
                )
                self._db.execute(
                    "UPDATE trials SET target = ?, round = ? "
                    "WHERE study = ? AND number = ? AND target < ? "
                    "AND status IN ('waiting', 'paused')",
                    (t.target, t.round, study, t.number, t.target),
                )

    def claim(self, study: int, number: int) -> bool:
        """Take a trial that has not its epochs; False where another has it or nothing is left."""
        with self.writing():
            taken = self._db.execute(
                "UPDATE trials SET status = 'running', worker = ?, heartbeat = ? "
                "WHERE study = ? AND number = ? AND status IN ('waiting', 'paused') "
                "AND epochs < target",
                (self.worker, time.time(), study, number),
            )
        return taken.rowcount == 1

    def state(self, study: int, number: int) -> bytes | None:
        """The paused network of a trial, as `record` received it."""
        with self.reading():
            row = self._db.execute(
                "SELECT state FROM trials WHERE study = ? AND number = ?", (study, number)
            ).fetchone()
        return row[0] if row else None

    def record(self, study: int, trial: Trial, state: bytes | None = None) -> bool:
        """Write what came of a claimed trial; False where it was taken from this process.

        Parameters
        ----------
        state : bytes, optional
            With which to continue it.
        """
        curves, folds = as_json(trial.curves), as_json(trial.folds)
        with self.writing():
            written = self._db.execute(
                "UPDATE trials SET status = ?, value = ?, epoch = ?, epochs = ?, seconds = ?, "
                "reason = ?, curves = ?, folds = ?, state = ?, worker = NULL, heartbeat = NULL "
                "WHERE study = ? AND number = ? AND worker = ? AND status = 'running'",
                (trial.status, trial.value, trial.epoch, trial.epochs, trial.seconds, trial.reason,
                 curves, folds, state, study, trial.number, self.worker),
            )  # fmt: skip
        return written.rowcount == 1

    def release(self, study: int, number: int) -> None:
        """Give a claimed trial back as it was."""
        with self.writing():
            self._db.execute(
                f"UPDATE trials SET {GIVE_BACK} WHERE study = ? AND number = ? AND worker = ?",
                (study, number, self.worker),
            )

    def drop(self, study: int, numbers: Iterable[int], reason: str) -> None:
        """Prune paused trials: nobody will continue them."""
        with self.writing():
            self._db.executemany(
                "UPDATE trials SET status = 'pruned', reason = ?, state = NULL "
                "WHERE study = ? AND number = ? AND status = 'paused'",
                [(reason, study, number) for number in numbers],
            )

    def beat(self) -> None:
        """Say that this process still works on its trials."""
        with self.writing():
            self._db.execute(
                "UPDATE trials SET heartbeat = ? WHERE worker = ? AND status = 'running'",
                (time.time(), self.worker),
            )

    def revive(self, study: int) -> list[int]:
        """Put the trials of dead processes back; their numbers."""
        with self.writing():
            running = self._db.execute(
                "SELECT number, worker, heartbeat FROM trials "
                "WHERE study = ? AND status = 'running' AND worker <> ?",
                (study, self.worker),
            ).fetchall()
            dead = [number for number, worker, beat in running if _is_dead(worker, beat)]
            self._db.executemany(
                f"UPDATE trials SET {GIVE_BACK} WHERE study = ? AND number = ?",
                [(study, number) for number in dead],
            )
        return dead

    def trials(self, study: int, space: Any) -> list[Trial]:
        """All rows of a study, by number; `space` gives back what JSON cannot hold."""
        with self.reading():
            rows = self._db.execute(
                f"SELECT {', '.join(COLUMNS)} FROM trials WHERE study = ? ORDER BY number",
                (study,),
            ).fetchall()
        try:
            return [as_trial(row, space) for row in rows]
        except ValueError as error:
            raise damaged(error, self.path) from error

    def progress(self, study: int) -> dict[int, tuple[str, int, int]]:
        """Status, epochs and epochs wanted of each trial."""
        with self.reading():
            rows = self._db.execute(
                "SELECT number, status, epochs, target FROM trials WHERE study = ?", (study,)
            ).fetchall()
        try:
            return dict(map(as_progress, rows))
        except ValueError as error:
            raise damaged(error, self.path) from error


def _is_dead(worker: Any, beat: Any) -> bool:
    """Whether the process that runs a trial is gone, or what the row says of it makes no sense."""
    parts = str(worker).rsplit(":", 2)
    if len(parts) != 3 or not parts[1].isdecimal() or not isinstance(beat, float | int):
        return True
    gone = parts[0] == socket.gethostname() and not _is_alive(int(parts[1]))
    return gone or time.time() - beat > STALE_SECONDS


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        # There os.kill(pid, 0) would end the process; the heartbeat must do.
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
