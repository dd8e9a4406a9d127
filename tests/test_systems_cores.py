"""Cores: which of them count, on systems that tell in different ways, or not at all."""

import ctypes
import os
import struct
import sys
import types
from pathlib import Path

import pytest

from fastnn.cli import doctor
from fastnn.engine import cores, threads


@pytest.fixture
def eight(monkeypatch):
    """Eight processors, on a system without affinities."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    threads._default.cache_clear()
    yield
    threads._default.cache_clear()


def a_mac(monkeypatch, **known):
    def sysctlbyname(name, number, size, new, new_size):
        value = known.get(name.decode().replace(".", "_"))
        if value is None:
            return -1
        number._obj.value = value
        return 0

    monkeypatch.setattr(sys, "platform", "darwin")
    found = types.SimpleNamespace(sysctlbyname=sysctlbyname)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: found)


def test_a_macs_fast_cores_count(eight, monkeypatch):
    a_mac(monkeypatch, hw_perflevel0_physicalcpu=4, hw_physicalcpu=8)
    assert (cores.physical(), cores.logical()) == (4, 8)
    assert doctor._kind_of_cores() == "performance cores"
    a_mac(monkeypatch, hw_physicalcpu=6)
    assert cores.physical() == 6
    a_mac(monkeypatch)
    assert cores.physical() == 8
    assert doctor._kind_of_cores() == "physical cores"


def windows(monkeypatch, *classes):
    """A machine with cores of these classes, beside a record of another kind."""
    records = struct.pack("<II40x", 2, 48)
    for efficiency in classes:
        records += struct.pack("<IIBB38x", 0, 48, 1, efficiency)

    def ask(kind, place, size):
        assert kind == 0
        size._obj.value = len(records)
        if place is not None:
            ctypes.memmove(place, records, len(records))
        return int(place is not None)

    library = types.SimpleNamespace(GetLogicalProcessorInformationEx=ask)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "WinDLL", lambda name: library, raising=False)


def test_cores_on_windows(eight, monkeypatch):
    windows(monkeypatch, 0, 0, 0, 0)
    assert cores.physical() == 4
    windows(monkeypatch, 0, 0, 0, 0, 1, 1)
    assert cores.physical() == 2
    windows(monkeypatch)
    assert cores.physical() == 8
    monkeypatch.setattr(ctypes, "WinDLL", lambda name: types.SimpleNamespace(), raising=False)
    assert cores.physical() == 8


def test_a_container_on_a_mac_or_windows_is_not_looked_for(eight, monkeypatch):
    a_mac(monkeypatch, hw_perflevel0_physicalcpu=4)
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "_container_limit", lambda: [])
    assert threads._default() == 4


def test_scipys_blas_is_known_by_its_folder():
    for path, known in [
        ("/p/site-packages/scipy.libs/libscipy_openblas.so", True),
        ("/p/site-packages/scipy/.dylibs/libscipy_openblas.dylib", True),
        ("/p/site-packages/numpy/.dylibs/libscipy_openblas64_.dylib", False),
        ("/p/site-packages/numpy.libs/libscipy_openblas64_.so", False),
        ("/System/Library/Frameworks/Accelerate.framework/Accelerate", False),
    ]:
        assert threads._is_scipys(Path(path)) is known, path
