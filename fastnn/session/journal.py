"""The journal of a session: what was done when, one line of JSON each, only appended.

Each line ends with a checksum of what stands before it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from fastnn.files.locks import lock

JOURNAL = "journal.jsonl"
"""Its file, in the directory of the session."""


CHECK = b', "crc32": "'
"""What stands between an entry and its checksum."""


CHECK_BYTES = len('12345678"}\n')


def _line(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry).encode()[:-1]
    return text + CHECK + f'{zlib.crc32(text):08x}"}}\n'.encode()


def _is_cut(line: bytes) -> bool:
    """Whether a crash has cut it short."""
    text, _, check = line.rpartition(CHECK)
    return not line.endswith(b"\n") and (not text or len(check) < CHECK_BYTES)


def _entry(line: bytes) -> tuple[dict[str, Any], bool]:
    """The entry of a line, and whether a checksum speaks for it."""
    text, _, check = line.rpartition(CHECK)
    if text and check != f'{zlib.crc32(text):08x}"}}\n'.encode():
        raise ValueError("its checksum is wrong")
    entry = json.loads(text + b"}" if text else line)
    if not isinstance(entry, dict) or "event" not in entry:
        raise ValueError("it tells of no event")
    return entry, bool(text)


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
        # Without a buffer: what a full disk has refused must not be written later.
        self._file = open(path, "a+b", buffering=0)  # noqa: SIM115
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
            lock(self._file)
        except BlockingIOError:
            raise RuntimeError(
                f"the session in {self.path.parent} is open already, here or in another process; "
                "close() it there first"
            ) from None

    def _read(self) -> None:
        self._file.seek(0)
        whole, signed = 0, False
        for line in BytesIO(self._file.readall()):
            if _is_cut(line):
                break
            try:
                entry, checked = _entry(line)
                if not checked and (signed or not self._is_of_before(entry)):
                    raise ValueError("it has no checksum")
                self.events.append(entry)
            except ValueError as error:
                raise ValueError(
                    f"line {len(self.events) + 1} of {self.path} is damaged, or has been changed "
                    f"by something else ({error}); restore the file from a copy"
                ) from None
            signed = signed or checked
            whole += len(line)
        self._file.truncate(whole)

    def _is_of_before(self, entry: dict[str, Any]) -> bool:
        """Whether an earlier version may have written it: its lines have no checksum."""
        first = self.events[0] if self.events else entry
        return isinstance(first.get("data"), str)

    def append(self, event: str, **fields: Any) -> dict[str, Any]:
        """Write an event down."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"event": event, "time": now, **fields}
        line, end = memoryview(_line(entry)), self._file.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except BaseException:
            self._file.truncate(end)
            raise
        self.events.append(entry)
        return entry

    def of(self, event: str) -> Iterator[dict[str, Any]]:
        """All events of a kind."""
        return (entry for entry in self.events if entry["event"] == event)

    @property
    def closed(self) -> bool:
        """Whether nothing can be appended any more."""
        return bool(self._file.closed)

    def close(self) -> None:
        """Let another process have it."""
        self._file.close()
