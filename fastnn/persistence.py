"""Floor 2. Persistence: arrays and a description in one safetensors file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

VERSION = 1
"""Of what the description holds; a file of a later version is refused."""
DESCRIPTION, DIGEST = "fastnn", "sha256"
NO_DIGEST = "0" * 64
MOST_HEADER = 100_000_000
"""safetensors allows no longer header."""


class ModelFileError(ValueError):
    """A file is no model of fastnn, or it is damaged."""


def pack(tensors: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> bytes:
    """The bytes of a file.  Its digest is that of the file with 64 zeros in the digest's place."""
    from safetensors.numpy import save

    text = json.dumps({"version": VERSION, **description}, allow_nan=False)
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    data = save(arrays, {DESCRIPTION: text, DIGEST: NO_DIGEST})
    digest = hashlib.sha256(data).hexdigest()
    at = _place(data[: 8 + int.from_bytes(data[:8], "little")], NO_DIGEST)
    return data[:at] + digest.encode() + data[at + 64 :]


def _place(header: bytes, digest: str) -> int:
    """Where the header holds the digest."""
    entry = f'"{DIGEST}":"{digest}"'.encode()
    if header.count(entry) != 1:
        raise ModelFileError("the digest is not where it belongs")
    return header.index(entry) + len(entry) - 65


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
        known = {DESCRIPTION, DIGEST} <= set(entries["__metadata__"])
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
    metadata = json.loads(header[8:])["__metadata__"]
    digest = str(metadata[DIGEST])
    at = _place(header, digest)
    blank = data[:at] + NO_DIGEST.encode() + data[at + 64 :]
    if len(digest) != 64 or hashlib.sha256(blank).hexdigest() != digest:
        raise ModelFileError("its digest is wrong: it has been changed or damaged")
    description = json.loads(metadata[DESCRIPTION])
    if description["version"] > VERSION:
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
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
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
