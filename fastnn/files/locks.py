"""Locks: an open file for one process alone."""

from __future__ import annotations

import errno
from io import FileIO

_FAR = 2**31 - 2
"""The byte that is locked on Windows, where nobody can read or write locked ones."""
_TAKEN = errno.EAGAIN, errno.EACCES, errno.EDEADLK


def lock(file: FileIO) -> None:
    """Hold a file until it is closed, or the process ends; its position is then 0.

    Where the system, or a file system over a network, has no locks, nobody is kept out.

    Raises
    ------
    BlockingIOError
        Where somebody holds it.
    """
    try:
        _lock(file)
    except OSError as error:
        if error.errno in _TAKEN:
            raise BlockingIOError(errno.EAGAIN, "somebody holds the file") from None


def _lock(file: FileIO) -> None:
    try:
        import fcntl
    except ImportError:
        _lock_on_windows(file)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_on_windows(file: FileIO) -> None:
    try:
        import msvcrt
    except ImportError:
        return
    file.seek(_FAR)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    finally:
        file.seek(0)
