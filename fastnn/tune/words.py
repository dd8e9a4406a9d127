"""What a ledger that cannot be read or written is to tell its user."""

from __future__ import annotations

import errno
import sqlite3

FULL, READ_ONLY, LOCKED, IO = (
    {sqlite3.SQLITE_FULL},
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN},
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED},
    {sqlite3.SQLITE_IOERR},
)
# The sentences of a damaged file need not be UTF-8, as Python takes them to be.
DAMAGE = sqlite3.DatabaseError, UnicodeDecodeError
KEPT = "the trials recorded before are in it, and the same call goes on from there"


def _code(error: Exception) -> int:
    # Its low byte; the rest says more exactly what happened.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def is_of_content(error: Exception) -> bool:
    """Whether the fault is in what the file holds, not in the disk or its permissions."""
    return _code(error) not in FULL | READ_ONLY | LOCKED | IO


def in_words(error: Exception, path: str) -> Exception:
    """What to raise instead of SQLite's error."""
    code = _code(error)
    if code in FULL:
        return OSError(errno.ENOSPC, f"the disk is full: make room; {KEPT}", path)
    if code in READ_ONLY:
        return PermissionError(errno.EACCES, f"the ledger cannot be written to ({error})", path)
    if code in LOCKED:
        held = f"another program holds the ledger ({error}): end it; {KEPT}"
        return OSError(errno.EBUSY, held, path)
    if code in IO:
        return OSError(errno.EIO, f"the disk has failed ({error}); {KEPT}", path)
    return damaged(error, path)


def damaged(error: Exception, path: str) -> ValueError:
    """What to raise for a ledger whose contents make no sense."""
    return ValueError(
        f'the ledger "{path}" is damaged ({error}); restore it from a copy, or pass another '
        "storage, where the search begins anew"
    )
