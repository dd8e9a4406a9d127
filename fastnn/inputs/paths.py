"""Paths that the user gives: names of files and directories, checked before any work."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

LONGEST = 259
"""Characters of a path that Windows takes by default."""


def as_path(given: Any, name: str = "path") -> Path:
    """A path, or an error.

    Examples
    --------
    >>> as_path("model.safetensors").suffix
    '.safetensors'
    """
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):
        raise TypeError(f"{name} is {given!r:.60}; expected the name of a file or directory")
    return Path(given)


def as_directory(given: Any, name: str = "directory") -> Path:
    """The path of a directory, which need not exist yet; nothing on the way to it is a file."""
    path = as_path(given, name)
    for part in (path, *path.parents):
        if part.exists() and not part.is_dir():
            what = "it" if part == path else str(part)
            raise NotADirectoryError(
                f"{name} is {path}, but {what} is a file; expected a directory, or a name that is "
                "not taken"
            )
    return path


def make_directory(path: Path) -> None:
    """Make a directory where there is none."""
    as_directory(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"the directory {path} cannot be made ({error.strerror}); choose another"
        ) from error


def too_long(path: Path) -> str:
    """What to add where Windows finds nothing at a path; nothing elsewhere."""
    length = len(os.path.abspath(path))
    if sys.platform != "win32" or length <= LONGEST:
        return ""
    return (
        f" (the whole path has {length} characters, and Windows finds none of more than {LONGEST} "
        "unless long paths are switched on: choose a shorter one)"
    )


def check_writable(path: Path) -> None:
    """Refuse the name of a file that cannot be written."""
    if path.is_dir():
        raise IsADirectoryError(f"path is {path}, a directory; expected the name of a file")
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(
            f"path is {path}, but there is no directory {path.parent}; make it first"
            + too_long(path)
        )


def check_readable(path: Path, expected: str) -> None:
    """Refuse the name of a file that is not there."""
    if path.is_dir():
        raise IsADirectoryError(f"path is {path}, a directory; expected {expected}")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; expected {expected}{too_long(path)}")
