"""Doctor: what fastnn finds on this machine, and what is wrong with it.

Each check returns the lines to show and the problems found; it never raises.
"""

import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable
from ctypes import CFUNCTYPE, c_void_p
from pathlib import Path

import numpy as np

from fastnn import Adam, Dense, Sequential, Softmax, Tanh, __version__
from fastnn.engine import cores, team, threads
from fastnn.engine.buffers import address
from fastnn.engine.compilation import ensure
from fastnn.kernels.loop import door
from fastnn.kernels.machine import objects, target
from fastnn.kernels.machine.cache import (
    bound_name,
    cache_directory,
    current_directory,
    write_error,
)

SLOW_TEAM = 500
"""Microseconds; some tens are usual, for threads must be woken."""
CALLS = 50

Findings = tuple[list[str], list[str]]


def examine() -> tuple[str, list[str]]:
    """The report, and the problems: each says what is wrong and what to do."""
    checks: dict[str, Callable[[], Findings]] = {
        "Versions": _versions,
        "Kernels": _kernels,
        "Threads": _threads,
        "Cache of compiled kernels": _cache,
    }
    report, problems = [], []
    for title, check in checks.items():
        lines, found = check()
        report += [title, *(f"  {line}" for line in lines), ""]
        problems += found
    return "\n".join(report[:-1]), problems


def _versions() -> Findings:
    names = ("numpy", "numba", "llvmlite", "scipy")
    lines = [
        f"{'python':<9} {platform.python_version()} ({platform.machine()})",
        f"{'fastnn':<9} {__version__}",
    ]
    return lines + [f"{name:<9} {_version(name)}" for name in names], []


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(importlib.import_module(name), "__version__", "unknown"))


def _threads() -> Findings:
    try:
        n = threads.get_num_threads()
    except ValueError as error:
        return [f"{error}"], [f"{error}; set it so, or unset it"]
    physical, allowed = cores.physical(), _processors_allowed()
    lines = [f"fastnn uses {n}: {_reason()}", f"{physical} {_kind_of_cores()} for this process"]
    problems = []
    limit = physical
    if allowed is not None:
        lines.append(f"the container may use {allowed:g} processors")
        limit = min(limit, max(1, int(allowed)))
    if n > limit:
        problems.append(
            f"{n} threads share {limit} processors and wait for each other: set "
            f"FASTNN_NUM_THREADS={limit}"
        )
    try:
        lines.append(_team(n))
    except Exception as error:
        # Kernels that do not run are a problem of their own.
        lines.append(f"no team: {type(error).__name__}")
    return lines, problems


def _reason() -> str:
    if os.environ.get("FASTNN_NUM_THREADS"):
        return "FASTNN_NUM_THREADS says so"
    physical = cores.physical()
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if (
            value.isdigit()
            and 0 < int(value) < physical
            and int(value) == threads.get_num_threads()
        ):
            return f"{name} says so"
    return f"as many as there are {_kind_of_cores()}"


def _kind_of_cores() -> str:
    """On a Mac, the others are the efficient ones; elsewhere, second threads of a core."""
    slow_too = sys.platform == "darwin" and cores.logical() > cores.physical()
    return "performance cores" if slow_too else "physical cores"


def _processors_allowed() -> float | None:
    """The processor share that a Linux control group grants, where it grants less than all."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _team(n: int) -> str:
    with threads.region(n) as workers:
        if workers == 1:
            return "one thread: no team is called together"
        kernels = ensure(np.dtype(np.float32))
        team.prepare(kernels)
        seconds = []
        for _ in range(CALLS):
            time.sleep(1e-3)
            start = time.perf_counter()
            team.run(kernels, (kernels.nothing, 0, 0, 0), workers)
            seconds.append(time.perf_counter() - start)
    usual = 1e6 * sorted(seconds)[CALLS // 2]
    line = f"calling a team of {workers} together costs {usual:.0f} us"
    if usual > SLOW_TEAM:
        # A busy machine is no fault of the installation.
        line += ": other programs are using the processors"
    return line


def _kernels() -> Findings:
    lines, problems = [], []
    for check in (_compiler, _training):
        try:
            lines.append(check())
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            lines.append(f"{type(error).__name__}: {reason}")
            problems.append(
                f"{check.__doc__} ({type(error).__name__}: {reason}). fastnn needs Numba 0.62 or "
                f"newer, here is {_version('numba')}: pip install --upgrade fastnn-mlp numba"
            )
    return lines, problems


def _compiler() -> str:
    """Numba cannot compile a kernel."""
    from numba import types

    from fastnn.kernels.machine.jit import kernel, object_code
    from fastnn.kernels.machine.memory import array_at

    @kernel
    def double(place):  # type: ignore[no-untyped-def]
        number = array_at(place, (1,), np.int64)
        number[0] *= 2

    start, place = time.perf_counter(), np.array([21])
    code = object_code({"double": (double, (types.int64,))}, target.current())
    CFUNCTYPE(None, c_void_p)(*objects.load([code], ["double"]))(address(place))
    if place[0] != 42:
        raise RuntimeError(f"twice 21 came out as {place[0]}")
    return f"a kernel compiles, and computes what it should ({time.perf_counter() - start:.1f} s)"


def _training() -> str:
    """A small network cannot be trained."""
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([0, 1, 1, 0])
    model = Sequential([Dense(16), Tanh(), Dense(2), Softmax()], seed=0)
    model.compile(Adam(0.05))
    model.fit(X, y, epochs=200, batch_size=4, verbose=0)
    found = model.predict_classes(X)
    if not np.array_equal(found, y):
        raise RuntimeError(f"exclusive or came out as {found.tolist()}")
    return f"a network learns exclusive or, with kernels from {_origin('float32')}"


def _origin(dtype: str) -> str:
    return {
        door.WHEEL: "the wheel", door.CACHE: "the cache", "": "this process"
    }[door.found(np.dtype(dtype))]  # fmt: skip


def _cache() -> Findings:
    lines = []
    for dtype, option in (("float32", ""), ("float64", " --float64")):
        where = door.found(np.dtype(dtype))
        state = f"compiled, in {_origin(dtype)}" if where else "not yet compiled"
        lines.append(f"{dtype}: {state}" + ("" if where else f" (fastnn warmup{option})"))
    refused = write_error()
    if refused:
        lines.append(f"cannot be used ({refused})")
        if all(door.found(np.dtype(dtype)) == door.WHEEL for dtype in ("float32", "float64")):
            return lines, []
        return lines, [
            f"the cache cannot be used ({refused}), so that each new process compiles: set "
            "FASTNN_CACHE_DIR to a folder of your own that can be written"
        ]
    lines.append(f"{cache_directory()}, can be written")
    here = current_directory()
    entries = sorted(here.glob("*.bin"))
    damaged = [path for path in entries if not _is_sound(path)]
    lines.append(f"{_count(entries)} of this version")
    stale = [p for p in cache_directory().glob("*/*.bin") if p.parent != here]
    if stale:
        lines.append(f"{_count(stale)} of other versions; their folders can be deleted")
    return lines, [f"the cache entry {path} is damaged: delete it" for path in damaged]


def _count(paths: list[Path]) -> str:
    size = sum(path.stat().st_size for path in paths) / 1e6
    return f"{len(paths)} {'entry' if len(paths) == 1 else 'entries'} ({size:.1f} MB)"


def _is_sound(path: Path) -> bool:
    try:
        objects.opened(bound_name(path.name), path.read_bytes())
    except (OSError, ValueError):
        return False
    return True
