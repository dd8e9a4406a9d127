"""Persistence: arrays and a description in one safetensors file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastnn.files import forms
from fastnn.inputs.paths import check_readable

VERSION = 2
"""Of what the description holds; a file of a later version is refused.

In version 1, lists of numbers and texts stood in the description, and all arrays of several
networks side by side. Since 2 such lists are arrays, and each of several networks is a file of its
own, within an array.
"""
DESCRIPTION, DIGEST, ARRAY, PADDING = "fastnn", "sha256", "tensor", "padding"
NO_DIGEST = "0" * 64
COST, FREE = 50, 2**20
"""So many bytes of memory a byte of header may cost, in Python's objects; a file may cost its own
size and a mebibyte beside its bytes."""
MOST_OF_VERSION_1 = 4_000_000
"""The longest header of a file of version 1, whatever that costs."""
TYPES: dict[str, Any] = {
    "F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "F16": np.dtype("<f2"), "BOOL": np.dtype("?"),
    "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"), "U32": np.dtype("<u4"), "U16": np.dtype("<u2"), "U8": np.dtype("u1"),
}  # fmt: skip


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
    """The bytes of a file.  Its digest is that of the file with 64 zeros in the digest's place.

    The description may hold arrays, at any place.
    """
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}

    def name_of(value: Any) -> dict[str, str]:
        """What stands in an array's place, once it is among the others."""
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{value!r:.60} cannot be saved; expected numbers, texts and arrays")
        name = f"{DESCRIPTION}.{len(arrays)}"
        arrays[name] = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        return {ARRAY: name}

    # One entry: several have no fixed order, and the same model should give the same bytes.
    about = {DIGEST: NO_DIGEST, "version": VERSION, **description}
    entry = {DESCRIPTION: json.dumps(about, allow_nan=False, default=name_of)}
    data = save(arrays, entry)
    lacking = COST * (_header_size(data) + 100) - FREE - len(data)
    if lacking > 0:
        # Many small arrays: a file that is larger than its header may cost more to read.
        data = save(arrays | {PADDING: np.zeros(lacking, np.uint8)}, entry)
    digest = hashlib.sha256(data).hexdigest()
    at = _place(data, NO_DIGEST)
    return data[:at] + digest.encode() + data[at + 64 :]


def _header_size(data: bytes) -> int:
    return 8 + int.from_bytes(data[:8], "little")


def _place(header: bytes, digest: str) -> int:
    """Where the header holds the digest."""
    # A text within a text: its quotes are escaped, those in its own texts twice.
    entry = f'\\"{DIGEST}\\": \\"{digest}\\"'.encode()
    end = _header_size(header)
    if header.count(entry, 0, end) != 1:
        raise ModelFileError("the digest is not where it belongs")
    return header.index(entry) + len(entry) - 66


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


def unpack_bytes(data: bytes | np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """As `unpack`, of the bytes of a file, of which the arrays become a part."""
    view = data.data if isinstance(data, np.ndarray) else memoryview(data)
    return _unpack(_Bytes(view), len(data))


class _Bytes:
    """Bytes to be read in turn, of which the last are not copied."""

    def __init__(self, left: memoryview) -> None:
        self.left = left

    def read(self, n: int = -1) -> Any:
        if n < 0:
            return self.left
        found, self.left = bytes(self.left[:n]), self.left[n:]
        return found


def _unpack(file: BinaryIO | _Bytes, size: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    header = file.read(8)
    length = int.from_bytes(header, "little")
    if len(header) < 8 or not 2 <= length <= size - 8:
        raise ModelFileError("it does not begin as a safetensors file")
    first = file.read(min(length, 200))
    version_1 = b'\\"version\\": 1,' in first
    if length > max((FREE + size) // COST, version_1 * MOST_OF_VERSION_1):
        raise ModelFileError(
            f"its header has {length} bytes, more than one of {size} bytes in all may have"
        )
    header += first + file.read(length - len(first))
    entries, about = _read_header(header, size)
    body = file.read()
    if len(header) + len(body) != size:
        raise ModelFileError("it is being written to")
    arrays = {name: _array(entry, body) for name, entry in entries.items()}
    description = _read_description(about, None if version_1 else arrays, header, body)
    if version_1 != (description["version"] == 1):
        raise ModelFileError("its version does not stand at its beginning")
    arrays.pop(PADDING, None)
    return arrays, description


def _read_header(header: bytes, size: int) -> tuple[dict[str, Any], str]:
    """The list of arrays, and the description, if sizes agree with that of the file."""
    try:
        entries = read_json(header[8:])
        about = entries.pop("__metadata__")[DESCRIPTION]
        ends = [entry["data_offsets"][1] for entry in entries.values()]
        whole = len(header) + max(ends, default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise ModelFileError("its header is damaged, or another program has written it") from None
    if whole != size:
        raise ModelFileError(f"it has {size} bytes and should have {whole}")
    try:
        forms.text(about, "its description")
        if not about.isascii():  # one other letter makes each of them take four bytes
            raise ValueError("its description is not written in ASCII")
        _check_entries(entries, size - len(header))
    except ValueError as error:
        raise ModelFileError(str(error)) from None
    return entries, about


def read_json(text: bytes | str, arrays: dict[str, np.ndarray] | None = None) -> Any:
    """What a text says in JSON; a ValueError for what is none, NaN and repeated names included.

    Arrays that it names are put in their places, and taken out of `arrays`.
    """

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON")

    def unique(pairs: list[tuple[str, Any]]) -> Any:
        if arrays is not None and len(pairs) == 1 and pairs[0][0] == ARRAY:
            return arrays.pop(pairs[0][1])
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name stands twice")
        return found

    decoded = text.decode("ascii") if isinstance(text, bytes) else text
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


def _array(entry: dict[str, Any], body: bytes | memoryview) -> np.ndarray:
    """One array, in the bytes of the file."""
    shape, dtype = tuple(entry["shape"]), TYPES[entry["dtype"]]
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, body, entry["data_offsets"][0])


def _read_description(
    about: str, arrays: dict[str, np.ndarray] | None, header: bytes, body: bytes | memoryview
) -> dict[str, Any]:
    """The description with its arrays, if the file is as it was written."""
    try:
        description = read_json(about, arrays)
        digest, version = description.pop(DIGEST), description["version"]
        forms.text(digest, DIGEST)
        forms.whole(1)(version, "version")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelFileError("its description is damaged") from None
    if len(digest) != 64 or _digest(header, body, digest) != digest:
        raise ModelFileError("its digest is wrong: it has been changed or damaged")
    if version > VERSION:
        writer = description.get("fastnn")
        by = f"fastnn {writer:.20}" if isinstance(writer, str) else "a later fastnn"
        raise ModelFileError(
            f"it was written by {by}, whose files this one does not know; update fastnn"
        )
    return description


def _digest(header: bytes, body: bytes | memoryview, digest: str) -> str:
    """That of the file with zeros in the place of its own."""
    at = _place(header, digest)
    found = hashlib.sha256(header[:at])
    found.update(NO_DIGEST.encode())
    found.update(header[at + 64 :])
    found.update(body)
    return found.hexdigest()


def networks(
    arrays: dict[str, np.ndarray], specs: Sequence[Any]
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, Any]]]:
    """Arrays and description of each of several networks, which `arrays` loses."""
    for k, spec in enumerate(specs):
        if isinstance(spec, np.ndarray):
            yield unpack_bytes(spec)
        else:  # of version 1
            own = [name for name in arrays if name.startswith(f"{k}.")]
            yield {name.partition(".")[2]: arrays.pop(name) for name in own}, spec
