"""``python -m fastnn.kernels.shipping FOLDER LEVEL``: object code for a wheel, both number types.

A level is one of `target.LEVELS`; of another machine than this one, the code is for the same
operating system.
"""

import sys
from pathlib import Path

import numpy as np

from fastnn.kernels.loop import door
from fastnn.kernels.machine import cache, objects, target

DTYPES = ("float32", "float64")


def write(folder: Path, level: str) -> list[Path]:
    """Compile for a level, and write what a wheel brings; the files."""
    target.choose(target.level(level))
    files = []
    for dtype in DTYPES:
        name = cache.shipped_name(level, dtype)
        code = door.compiled(np.dtype(dtype))
        files.append(folder / name)
        files[-1].write_bytes(objects.sealed(cache.bound_name(name), code))
    return files


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]), sys.argv[2]):
        print(path)
