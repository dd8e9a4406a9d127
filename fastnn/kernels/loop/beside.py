"""A part of the kernels is compiled by another process, beside this one.

Most of a compilation is Numba's own work, in Python, which keeps one processor busy.
"""

import contextlib
import json
import os
import subprocess
import sys
from typing import Any

from fastnn.kernels.machine import cache, objects
from fastnn.kernels.machine.target import Target

_MARK = b"\0fastnn\0"
_COMMAND = (
    "import json, sys; path, part, dtype, target = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from fastnn.kernels.machine.target import Target, choose; choose(Target(*target)); "
    "from fastnn.kernels.loop.entries import compile_for; compile_for(part, dtype)"
)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_possible() -> bool:
    """Whether another Python can be started, and would run at the same time.

    A program with a Python inside names itself as the executable.
    """
    name = os.path.basename(sys.executable or "").lower()
    return name.startswith("python") and not hasattr(sys, "frozen") and processors() > 1


class Compilation:
    """Compiles a part for a number type; where another process is of no use, it does nothing."""

    def __init__(self, part: str, dtype: str, target: Target) -> None:
        self.name = _name(part, dtype)
        job = [sys.path, part, dtype, target]
        self.process: Any = None
        if is_possible():
            with contextlib.suppress(OSError):
                self.process = subprocess.Popen(
                    [sys.executable, "-c", _COMMAND, json.dumps(job)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )  # fmt: skip

    def __enter__(self) -> "Compilation":
        return self

    def __exit__(self, *error: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def result(self) -> bytes | None:
        """The object code, or None: it must be compiled here."""
        if self.process is None:
            return None
        said, _ = self.process.communicate()
        try:
            return objects.opened(self.name, said.partition(_MARK)[2])
        except ValueError:
            return None


def answer(part: str, dtype: str, code: bytes) -> None:
    """What the other process does with the object code: it writes it to its standard output."""
    sys.stdout.buffer.write(_MARK + objects.sealed(_name(part, dtype), code))
    sys.stdout.buffer.flush()


def _name(part: str, dtype: str) -> str:
    return cache.bound_name(f"{part} {dtype}")
