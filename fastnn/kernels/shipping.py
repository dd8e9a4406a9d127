"""``python -m fastnn.kernels.shipping FOLDER LEVEL [SYSTEM [DTYPE]]``: a wheel's object code.

A level is one of `target.LEVELS`; a system, linux, darwin or win32, by default this one; a number
type, by default both.
"""

import sys
from pathlib import Path

import numpy as np

from fastnn.kernels.loop import door
from fastnn.kernels.machine import cache, objects, target

DTYPES = ("float32", "float64")


def write(folder: Path, level: str, system: str | None = None, *dtypes: str) -> list[Path]:
    """Compile for a level, and write what a wheel brings; the files."""
    target.choose(target.level(level, system))
    files = []
    for dtype in dtypes or DTYPES:
        name = cache.shipped_name(level, dtype)
        code = door.compiled(np.dtype(dtype))
        files.append(folder / name)
        files[-1].write_bytes(objects.sealed(cache.bound_name(name), code))
    return files


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]), *sys.argv[2:]):
        print(path)
