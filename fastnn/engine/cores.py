"""Cores: how many processors do a worker's work, and how many a process may use."""

import ctypes
import os
import struct
import sys
from pathlib import Path


def logical() -> int:
    """Processors that this process may use; two threads of a core are two."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def physical() -> int:
    """Cores that this process may use; of those that differ in speed, on a laptop, the fast ones.

    On a system that does not tell, processors.
    """
    ask = {"darwin": _on_macos, "win32": _on_windows}.get(sys.platform, _on_linux)
    try:
        found = ask()
    except (OSError, AttributeError, ValueError, struct.error):
        found = 0
    return min(found, logical()) if found else logical()


def _on_linux() -> int:
    cores = set()
    for cpu in os.sched_getaffinity(0):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text().strip())
        except OSError:
            cores.add(str(cpu))
    return len(cores)


def _on_macos() -> int:
    """The performance cores of Apple's processors; all cores of Intel's."""
    ask = ctypes.CDLL(None).sysctlbyname
    for name in (b"hw.perflevel0.physicalcpu", b"hw.physicalcpu"):
        number, size = ctypes.c_int32(), ctypes.c_size_t(4)
        if ask(name, ctypes.byref(number), ctypes.byref(size), None, ctypes.c_size_t(0)) == 0:
            return number.value
    return 0


_CORE = 0
"""RelationProcessorCore, of GetLogicalProcessorInformationEx."""


def _on_windows() -> int:
    """Cores of the highest efficiency class, which Windows gives to the fastest."""
    ask = ctypes.WinDLL("kernel32").GetLogicalProcessorInformationEx  # type: ignore[attr-defined]
    size = ctypes.c_uint32(0)
    ask(_CORE, None, ctypes.byref(size))
    found = ctypes.create_string_buffer(size.value)
    if not ask(_CORE, found, ctypes.byref(size)):
        return 0
    classes, at = [], 0
    while at < size.value:
        # Kind and size of a record; of a core then flags and its class, a byte each.
        kind, length, _, efficiency = struct.unpack_from("<IIBB", found, at)
        if kind == _CORE:
            classes.append(efficiency)
        at += max(length, 8)
    return classes.count(max(classes, default=0))
