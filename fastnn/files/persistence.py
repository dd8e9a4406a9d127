"""Persistence: arrays and a description in one safetensors file, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

VERSION = 1
"""Of what the description holds; a file of a later version is refused."""
DESCRIPTION, DIGEST = "fastnn", "sha256"
NO_DIGEST = "0" * 64
MOST_HEADER = 100_000_000
"""safetensors allows no longer header."""
LITTER_SECONDS = 600
"""A file that is still being written is younger."""


class ModelFileError(ValueError):
    """A file is no model of fastnn, or it is damaged."""


def pack(tensors: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> bytes:
    """The bytes of a file.  Its digest is that of the file with 64 zeros in the digest's place."""
    from safetensors.numpy import save

    # One entry: several have no fixed order, and the same model should give the same bytes.
    text = json.dumps({DIGEST: NO_DIGEST, "version": VERSION, **description}, allow_nan=False)
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    data = save(arrays, {DESCRIPTION: text})
    digest = hashlib.sha256(data).hexdigest()
    at = _place(data[: 8 + int.from_bytes(data[:8], "little")], NO_DIGEST)
    return data[:at] + digest.encode() + data[at + 64 :]


def _place(header: bytes, digest: str) -> int:
    """Where the header holds the digest."""
    # A text within a text: its quotes are escaped, those in its own texts twice.
    entry = f'\\"{DIGEST}\\": \\"{digest}\\"'.encode()
    if header.count(entry) != 1:
        raise ModelFileError("the digest is not where it belongs")
    return header.index(entry) + len(entry) - 66


def unpack(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description of a file; sizes are checked before any memory is taken for them.

    Raises
    ------
    ModelFileError
        For a file that is damaged, foreign, or of a later version.
    FileNotFoundError, PermissionError
        As `open`.
    """
    try:
        with open(path, "rb") as file:
            data = _read(file)
        return _unpack(data)
    except ModelFileError as error:
        raise ModelFileError(f"{path} is no whole model file of fastnn: {error}") from None


def _read(file: Any) -> bytes:
    """All bytes, if the header and its list of arrays agree with the file's size."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= min(size - 8, MOST_HEADER):
        raise ModelFileError("it does not begin as a safetensors file")
    header = file.read(length)
    try:
        entries = json.loads(header)
        ends = [e["data_offsets"][1] for name, e in entries.items() if name != "__metadata__"]
        whole = 8 + length + max(ends, default=0)
        known = DESCRIPTION in entries["__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise ModelFileError("its header is damaged, or another program's") from None
    if not known:
        raise ModelFileError("another program has written it")
    if whole != size:
        raise ModelFileError(f"it has {size} bytes and should have {whole}")
    return bytes(start + header + file.read())


def _unpack(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header = data[: 8 + int.from_bytes(data[:8], "little")]
    try:
        description = json.loads(json.loads(header[8:])["__metadata__"][DESCRIPTION])
        digest, version = str(description.pop(DIGEST)), int(description["version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelFileError("its description is damaged") from None
    at = _place(header, digest)
    blank = data[:at] + NO_DIGEST.encode() + data[at + 64 :]
    if len(digest) != 64 or hashlib.sha256(blank).hexdigest() != digest:
        raise ModelFileError("its digest is wrong: it has been changed or damaged")
    if version > VERSION:
        raise ModelFileError(
            f"it was written by fastnn {description.get('fastnn')}, whose files this one does not "
            "know; update fastnn"
        )
    try:
        return load(data), description
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelFileError(str(error)) from None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that there is, at any moment, the old one or the new one, whole.

    A link is followed; an old file's permissions are kept.

    Raises
    ------
    OSError
        Where it cannot be written; the old file is as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        _check_target(target)
        _replace(target, data)
    except OSError as error:
        # Not that of the temporary file, which the user does not know.
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _check_target(target: Path) -> None:
    """Refuse what a rename would replace, though `open` would not write to it."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a directory; expected the name of a file")
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its directory does not exist; make it first")
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "no regular file; expected the name of one")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "write-protected; choose another name")


def _replace(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".fastnn-{secrets.token_hex(8)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            if target.exists():
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def remove_litter(directory: Path) -> None:
    """Remove what processes left that were killed while they wrote; others may be writing now."""
    for path in directory.glob(".fastnn-*.tmp"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > LITTER_SECONDS:
                path.unlink()


def _sync_directory(directory: Path) -> None:
    """Make a rename last through a power cut, where the system lets a directory be opened."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
