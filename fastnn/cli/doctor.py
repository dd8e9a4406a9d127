"""Doctor: what fastnn finds on this machine, and what is wrong with it.

Each check returns the lines to show and the problems found; it never raises.
"""

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Callable
from pathlib import Path

from fastnn.engine import threads

SLOW_REGION = 500
"""Microseconds; a few are usual, some tens where threads must be woken."""

Findings = tuple[list[str], list[str]]


def examine() -> tuple[str, list[str]]:
    """The report, and the problems: each says what is wrong and what to do."""
    checks: dict[str, Callable[[], Findings]] = {
        "Versions": _versions,
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
    names = ("fastnn", "numpy", "numba", "llvmlite", "scipy")
    lines = [f"{'python':<9} {platform.python_version()} ({platform.machine()})"]
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
    cores, allowed = threads._physical_cores(), _processors_allowed()
    lines = [f"fastnn uses {n}: {_reason()}", f"{cores} physical cores for this process"]
    problems = []
    limit = cores
    if allowed is not None:
        lines.append(f"the container may use {allowed:g} processors")
        limit = min(limit, max(1, int(allowed)))
    if n > limit:
        problems.append(
            f"{n} threads share {limit} processors and wait for each other: set "
            f"FASTNN_NUM_THREADS={limit}"
        )
    layer, slow = _parallel_region(n)
    return lines + layer, problems + slow


def _reason() -> str:
    if os.environ.get("FASTNN_NUM_THREADS"):
        return "FASTNN_NUM_THREADS says so"
    cores = threads._physical_cores()
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and 0 < int(value) < cores and int(value) == threads.get_num_threads():
            return f"{name} says so"
    return "as many as there are physical cores"


def _processors_allowed() -> float | None:
    """The processor share that a Linux control group grants, where it grants less than all."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _parallel_region(n: int) -> Findings:
    import numba

    from fastnn.kernels.loop.region import region_seconds

    with threads.region(n) as workers:
        if workers == 1:
            return ["one thread: no parallel region is entered"], []
        hot = region_seconds(workers) * 1e6
        woken = region_seconds(workers, calls=50, pause=1e-3) * 1e6
    layer = numba.threading_layer()
    lines = [
        f"threading layer {layer}; entering a parallel region costs {hot:.1f} us, after a pause "
        f"{woken:.0f} us"
    ]
    if layer == "workqueue":
        return lines, [
            f"Numba's threading layer is workqueue, whose parallel regions cost {hot:.0f} us: "
            "install one that costs less (pip install tbb; on Linux also libgomp)"
        ]
    if max(hot, woken) < SLOW_REGION:
        return lines, []
    passive = os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE"
    if layer == "omp" and not passive:
        return lines, [
            f"entering a parallel region costs up to {max(hot, woken):.0f} us: a thread that waits "
            "for another spins on the processor which that one needs. Set OMP_WAIT_POLICY=PASSIVE"
        ]
    return lines, [
        f"entering a parallel region costs up to {max(hot, woken):.0f} us: other programs may be "
        "using the processors; close them, or give fastnn fewer threads (FASTNN_NUM_THREADS)"
    ]


def _cache() -> Findings:
    from fastnn.engine.compilation import is_cached
    from fastnn.kernels.machine.cache import cache_directory, current_directory, write_error

    refused = write_error()
    if refused:
        return [f"cannot be written ({refused})"], [
            f"the cache cannot be written ({refused}), so that each new process compiles for "
            "about 10 s: set FASTNN_CACHE_DIR to a folder that can be written"
        ]
    lines = [f"{cache_directory()}, can be written"]
    for dtype, option in (("float32", ""), ("float64", " --float64")):
        state = "compiled" if is_cached(dtype) else f"not yet compiled (fastnn warmup{option})"
        lines.append(f"{dtype}: {state}")
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
    blob = path.read_bytes()
    return hashlib.sha256(blob[32:]).digest() == blob[:32]
