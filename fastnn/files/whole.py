"""Whole files: there is, at any moment, the old one or the new one; on every system."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fastnn.inputs.paths import too_long

LITTER_SECONDS = 600
"""A file that is still being written is younger."""
WAITS = 0.01, 0.03, 0.1, 0.3, 0.6
"""Seconds between tries to replace a file that a program may hold for a moment only."""
_BINARY = getattr(os, "O_BINARY", 0)
"""Without it, Windows would write a return before each byte 10."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that there is, at any moment, the old one or the new one, whole.

    A link is followed; an old file's permissions are kept.

    Raises
    ------
    OSError
        Where it cannot be written, or, on Windows, a program holds the old file open; that file is
        as it was.
    """
    with opened_whole(path) as file:
        file.write(data)


@contextmanager
def opened_whole(path: Path) -> Iterator[BinaryIO]:
    """As `write_whole`, what is written in the block; after an error there all is as it was."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".fastnn-{os.urandom(4).hex()}.tmp")
    try:
        _check_target(target)
        with _replacing(target, temporary) as file:
            yield file
    except OSError as error:
        own = None, os.fspath(target), os.fspath(temporary)
        if error.errno is None or error.filename not in own:
            raise  # of something else that the block does
        # Not that of the temporary file, which the user does not know.
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _check_target(target: Path) -> None:
    """Refuse what a rename would replace, though `open` would not write to it."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a directory; expected the name of a file")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "its directory does not exist; make it first" + too_long(target)
        )
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "no regular file; expected the name of one")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "write-protected; choose another name")


@contextmanager
def _replacing(target: Path, temporary: Path) -> Iterator[BinaryIO]:
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        with os.fdopen(handle, "wb") as file:
            if target.exists():
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(handle)
        _rename(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_directory(target.parent)


def _rename(temporary: Path, target: Path) -> None:
    """Put a file in another's place.

    Windows refuses while a program has the old one open, or mapped into its memory; readers and
    virus scanners have it for a moment.
    """
    for seconds in WAITS if sys.platform == "win32" else ():
        try:
            os.replace(temporary, target)
            return
        except PermissionError:
            time.sleep(seconds)
    try:
        os.replace(temporary, target)
    except PermissionError as error:
        if sys.platform != "win32" or not target.exists():
            raise
        raise PermissionError(
            errno.EACCES,
            "a program has it open, and Windows replaces no open file: close it there, or choose "
            "another name",
        ) from error


def remove(path: Path) -> None:
    """Remove a file, if it is there and nothing holds it: who comes later will."""
    with suppress(OSError):
        path.unlink()


def remove_litter(directory: Path) -> None:
    """Remove what processes left that were killed while they wrote; others may be writing now."""
    for path in directory.glob(".fastnn-*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > LITTER_SECONDS:
                remove(path)


def _sync_directory(directory: Path) -> None:
    """Make a rename last through a power cut, where the system lets a directory be opened."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
