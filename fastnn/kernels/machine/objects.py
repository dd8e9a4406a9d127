"""Object code: bound to its name, and loaded by LLVM alone."""

import ctypes
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from fastnn.kernels.machine.target import host, initialized

DIGEST = 32
_C = "memcpy", "memset", "pow", "logf", "log", "erf"
OUTSIDE = {
    "linux": (*_C, "sched_yield", "sched_getcpu", "sched_getaffinity", "sched_setaffinity"),
    "darwin": (*_C, "bzero", "memset_pattern16", "sched_yield"),
    "win32": (*_C, "SwitchToThread", "__chkstk", "_fltused"),
}
"""All that compiled kernels may ask of a system."""
_ON_WINDOWS = {"SwitchToThread": "kernel32", "__chkstk": "ntdll"}
"""The libraries of what is not in the C library, ucrtbase."""

_kept: list[Any] = []


def sealed(name: str, code: bytes) -> bytes:
    """What is written to a file: a digest of the name and the code, and the code."""
    return hashlib.sha256(name.encode() + b"\0" + code).digest() + code


def opened(name: str, blob: bytes) -> bytes:
    """The code of a file; a ValueError where it is damaged, or another's."""
    code = blob[DIGEST:]
    if sealed(name, code)[:DIGEST] != blob[:DIGEST]:
        raise ValueError("a damaged entry")
    return code


def joined(codes: Sequence[bytes]) -> bytes:
    """Several object codes as one."""
    return b"".join(len(code).to_bytes(8, "little") + code for code in codes)


def parts(code: bytes) -> Iterator[bytes]:
    """The object codes that were joined."""
    while code:
        stop = 8 + int.from_bytes(code[:8], "little")
        yield code[8:stop]
        code = code[stop:]


@cache
def _bind_on_windows() -> None:
    """Tell LLVM where Windows keeps what kernels ask for: several C libraries can be loaded."""
    llvm = initialized()
    used_floats = ctypes.c_int(1)
    _kept.append(used_floats)
    llvm.add_symbol("_fltused", ctypes.addressof(used_floats))
    for name in OUTSIDE["win32"]:
        if name != "_fltused":
            library = ctypes.WinDLL(_ON_WINDOWS.get(name, "ucrtbase"))  # type: ignore[attr-defined]
            llvm.add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)


def load(codes: Iterable[bytes], names: Sequence[str]) -> list[int]:
    """The addresses of functions of object codes that may call each other; they stay loaded."""
    llvm = initialized()
    if host().system == "win32":
        _bind_on_windows()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), host().writer())
    for code in codes:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _kept.append(engine)
    return [engine.get_function_address(name) for name in names]
