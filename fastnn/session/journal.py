"""The journal of a session: what was done when, one line of JSON each, only appended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

JOURNAL = "journal.jsonl"
"""Its file, in the directory of the session."""


class Journal:
    """Events in a file; each is on the disk before it counts.

    Parameters
    ----------
    path : Path
        Of the file; a line that a crash has cut short is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[dict[str, Any]] = []
        self._file = open(path, "a+b")  # noqa: SIM115
        try:
            self._lock()
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def _lock(self) -> None:
        """One process at a time: two would write two stories."""
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeError(
                f"the session in {self.path.parent} is open already, here or in another process; "
                "close() it there first"
            ) from None

    def _read(self) -> None:
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                self.events.append(json.loads(line))
            except ValueError:
                raise ValueError(
                    f"line {len(self.events) + 1} of {self.path} is no JSON; it has been changed "
                    "by something else: restore it from a copy"
                ) from None
            whole += len(line)
        self._file.truncate(whole)

    def append(self, event: str, **fields: Any) -> dict[str, Any]:
        """Write an event down."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"event": event, "time": now, **fields}
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.events.append(entry)
        return entry

    def of(self, event: str) -> Iterator[dict[str, Any]]:
        """All events of a kind."""
        return (entry for entry in self.events if entry["event"] == event)

    def close(self) -> None:
        """Let another process have it."""
        self._file.close()
