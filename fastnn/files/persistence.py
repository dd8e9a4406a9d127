"""Persistence: arrays and a description in one safetensors file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastnn.files import forms
from fastnn.inputs.paths import check_readable

VERSION = 1
"""Of what the description holds; a file of a later version is refused."""
DESCRIPTION, DIGEST = "fastnn", "sha256"
NO_DIGEST = "0" * 64
MOST_HEADER = 100_000_000
"""safetensors allows no longer header."""
TYPES: dict[str, Any] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8")}


_ENTRY = forms.record({
    "dtype": forms.choice(*TYPES),
    "shape": forms.listed(forms.whole(0, 2**40), most=2),
    "data_offsets": forms.row(forms.whole(), forms.whole()),
})  # fmt: skip


class ModelFileError(ValueError):
    """A file is no model of fastnn, or it is damaged.

    Examples
    --------
    >>> import fastnn, tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
    ...     fastnn.load(file.name)
    Traceback (most recent call last):
    fastnn.files.persistence.ModelFileError: ...
    """


def pack(tensors: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> bytes:
    """The bytes of a file.  Its digest is that of the file with 64 zeros in the digest's place."""
    from safetensors.numpy import save

    # One entry: several have no fixed order, and the same model should give the same bytes.
    text = json.dumps({DIGEST: NO_DIGEST, "version": VERSION, **description}, allow_nan=False)
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    data = save(arrays, {DESCRIPTION: text})
    digest = hashlib.sha256(data).hexdigest()
    at = _place(data, NO_DIGEST)
    return data[:at] + digest.encode() + data[at + 64 :]


def _place(data: bytes, digest: str) -> int:
    """Where the header holds the digest."""
    # A text within a text: its quotes are escaped, those in its own texts twice.
    entry = f'\\"{DIGEST}\\": \\"{digest}\\"'.encode()
    end = 8 + int.from_bytes(data[:8], "little")
    if data.count(entry, 0, end) != 1:
        raise ModelFileError("the digest is not where it belongs")
    return data.index(entry) + len(entry) - 66


def unpack(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description of a file; the arrays lie in its bytes and are read-only.

    Sizes are checked before any memory is taken for them.

    Raises
    ------
    ModelFileError
        For a file that is damaged, foreign, or of a later version.
    FileNotFoundError, IsADirectoryError, PermissionError
    """
    check_readable(path, "a file that save has written")
    try:
        with open(path, "rb") as file:
            return _unpack(file, os.fstat(file.fileno()).st_size)
    except ModelFileError as error:
        raise ModelFileError(f"{path} is no whole model file of fastnn: {error}") from None


def unpack_bytes(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """As `unpack`, of the bytes of a file."""
    return _unpack(BytesIO(data), len(data))


def _unpack(file: BinaryIO, size: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    entries, about, data = _read(file, size)
    return {name: _array(entry, data) for name, entry in entries.items()}, _open(about, data)


def _read(file: BinaryIO, size: int) -> tuple[dict[str, Any], str, bytes]:
    """The list of arrays, the description and all bytes, if sizes agree with that of the file."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= min(size - 8, MOST_HEADER):
        raise ModelFileError("it does not begin as a safetensors file")
    try:
        entries = read_json(file.read(length))
        about = entries.pop("__metadata__")[DESCRIPTION]
        ends = [entry["data_offsets"][1] for entry in entries.values()]
        whole = 8 + length + max(ends, default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise ModelFileError("its header is damaged, or another program has written it") from None
    if whole != size:
        raise ModelFileError(f"it has {size} bytes and should have {whole}")
    try:
        forms.text(about, "its description")
        _check_entries(entries, size - 8 - length)
    except ValueError as error:
        raise ModelFileError(str(error)) from None
    file.seek(0)
    data = file.read()
    if len(data) != size:
        raise ModelFileError("it is being written to")
    return entries, about, data


def read_json(text: bytes | str) -> Any:
    """What a text says in JSON; a ValueError for what is none, NaN and repeated names included."""

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name stands twice")
        return found

    decoded = text.decode() if isinstance(text, bytes) else text
    try:
        return json.loads(decoded, parse_constant=refuse, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _check_entries(entries: dict[str, Any], size: int) -> None:
    """Refuse a list of arrays that do not lie side by side in so many bytes."""
    for name, entry in entries.items():
        forms.text(name, "the name of an array")
        _ENTRY(entry, name)
    at = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        needed = math.prod(entry["shape"]) * TYPES[entry["dtype"]].itemsize
        if begin != at or end - begin != needed:
            raise ModelFileError(f"{name} has {end - begin} bytes from {begin} on, and should have "
                                 f"{needed} from {at} on")  # fmt: skip
        at = end
    if at != size:
        raise ModelFileError(f"its arrays have {at} bytes, and it holds {size}")


def _array(entry: dict[str, Any], data: bytes) -> np.ndarray:
    """One array, in the bytes of the file."""
    shape, start = tuple(entry["shape"]), 8 + int.from_bytes(data[:8], "little")
    if 0 in shape:
        return np.empty(shape, TYPES[entry["dtype"]])
    return np.ndarray(shape, TYPES[entry["dtype"]], data, start + entry["data_offsets"][0])


def _open(about: str, data: bytes) -> dict[str, Any]:
    """The description, if the file is as it was written."""
    try:
        description = read_json(about)
        digest, version = description.pop(DIGEST), description["version"]
        forms.text(digest, DIGEST)
        forms.whole(1)(version, "version")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelFileError("its description is damaged") from None
    if len(digest) != 64 or _digest(data, digest) != digest:
        raise ModelFileError("its digest is wrong: it has been changed or damaged")
    if version > VERSION:
        writer = description.get("fastnn")
        by = f"fastnn {writer:.20}" if isinstance(writer, str) else "a later fastnn"
        raise ModelFileError(
            f"it was written by {by}, whose files this one does not know; update fastnn"
        )
    return description


def _digest(data: bytes, digest: str) -> str:
    """That of the file with zeros in the place of its own."""
    at, view = _place(data, digest), memoryview(data)
    found = hashlib.sha256(view[:at])
    found.update(NO_DIGEST.encode())
    found.update(view[at + 64 :])
    return found.hexdigest()
