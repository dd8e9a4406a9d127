"""Object code: bound to its name, and loaded by LLVM alone."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastnn.kernels.machine.target import host, initialized

DIGEST = 32
OUTSIDE = ("memcpy", "memset", "pow", "logf", "log", "sched_yield", "sched_getcpu",
           "sched_getaffinity", "sched_setaffinity")  # fmt: skip
"""All that compiled kernels may ask of the system."""

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


def load(codes: Iterable[bytes], names: Sequence[str]) -> list[int]:
    """The addresses of functions of object codes that may call each other; they stay loaded."""
    llvm = initialized()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), host().writer())
    for code in codes:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _kept.append(engine)
    return [engine.get_function_address(name) for name in names]
