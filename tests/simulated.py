"""Other operating systems, as far as a program can tell: what they lack, and what they refuse.

Call one of the functions before fastnn is imported; other libraries are loaded as on this system.
As a plugin (``pytest -p simulated``), the system that FASTNN_SIMULATED names, windows or macos.
"""

import builtins
import contextlib
import importlib
import io
import os
import platform
import sys
import tempfile
import types

LIBRARIES = (
    "numpy.random", "scipy.linalg", "scipy.optimize", "scipy.stats", "scipy.special", "ctypes",
    "safetensors.numpy", "threadpoolctl", "subprocess", "tempfile", "sqlite3", "asyncio",
    "concurrent.futures", "socket", "llvmlite.binding", "importlib.metadata", "shutil",
)  # fmt: skip
OF_TESTS = "numba", "hypothesis", "pandas", "rich.live", "matplotlib.pyplot", "sklearn.base"
BINARY = 1 << 29
"""`os.O_BINARY`: a bit that Linux does not use."""


def load_libraries():
    """They know this system only; kernels that were compiled here are found here."""
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    os.environ.setdefault("FASTNN_CACHE_DIR", os.path.join(folder, "fastnn"))
    for name in LIBRARIES + OF_TESTS * ("FASTNN_SIMULATED" in os.environ):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def without(*names):
    """Take functions of `os` away."""
    for name in names:
        if hasattr(os, name):
            delattr(os, name)


def macos():
    """A Mac, for Python: no affinity of processes, and nothing in /sys."""
    load_libraries()
    without("sched_getaffinity", "sched_setaffinity", "process_cpu_count")
    sys.platform, platform.system = "darwin", lambda: "Darwin"
    _hide("/sys/")


def windows():
    """Windows, for Python: text modes, and open files that can be neither replaced nor removed."""
    load_libraries()
    without(
        "fork", "register_at_fork", "sched_getaffinity", "sched_setaffinity", "sched_yield",
        "geteuid", "getuid", "getegid", "getgid", "process_cpu_count",
    )  # fmt: skip
    sys.platform, platform.system = "win32", lambda: "Windows"
    io._WindowsConsoleIO = type("_WindowsConsoleIO", (), {})  # pytest asks for it
    sys.modules["fcntl"] = None
    sys.modules["msvcrt"] = _msvcrt()
    _hide("/sys/")
    _text_modes()
    _open_files_stay()


def _hide(*folders):
    """What lies there is not found."""
    usual = builtins.open

    def opened(file, *args, **kwargs):
        if isinstance(file, str | os.PathLike) and os.fspath(file).startswith(folders):
            raise FileNotFoundError(2, "hidden", file)
        return usual(file, *args, **kwargs)

    builtins.open = opened
    io.open = opened  # the name by which `Path.read_text` knows it


def _text_modes():
    """Lines end in a return and a new line, unless a file is opened as bytes."""
    os.O_BINARY = BINARY
    usual_open, usual_write, usual_close = os.open, os.write, os.close
    as_text = set()

    def opened(path, flags, *args, **kwargs):
        if os.path.isdir(path):
            raise PermissionError(13, "a directory", path)
        handle = usual_open(path, flags & ~BINARY, *args, **kwargs)
        if not flags & BINARY:
            as_text.add(handle)
        return handle

    def write(handle, data):
        if handle in as_text:
            usual_write(handle, bytes(data).replace(b"\n", b"\r\n"))
            return len(data)
        return usual_write(handle, data)

    def close(handle):
        as_text.discard(handle)
        usual_close(handle)

    os.open, os.write, os.close = opened, write, close
    of_python = builtins.open

    def text(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest, **kw):
        if "b" not in mode and newline is None and set(mode) & set("wax+"):
            newline = "\r\n"
        if "b" not in mode and encoding is None:
            encoding = "cp1252"
        return of_python(file, mode, buffering, encoding, errors, newline, *rest, **kw)

    builtins.open = text


def opened_files():
    """The files that this process has open."""
    found = set()
    for handle in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{handle}"))
    return found


def _open_files_stay():
    # A temporary file without a name is one that was removed while it was open.
    tempfile._os = types.ModuleType("os")
    vars(tempfile._os).update(vars(os))

    def guarded(usual, place):
        def call(*paths, **kwargs):
            target = os.path.realpath(paths[place])
            if target in opened_files():
                raise PermissionError(13, "another process is using the file", target)
            return usual(*paths, **kwargs)

        return call

    os.replace = guarded(guarded(os.replace, 1), 0)
    os.rename = guarded(os.rename, 0)
    os.unlink = guarded(os.unlink, 0)
    os.remove = guarded(os.remove, 0)


def _msvcrt():
    """Locks of bytes, one for each open file."""
    module = types.ModuleType("msvcrt")
    module.LK_NBLCK, module.LK_UNLCK = 2, 0
    held = {}

    def locking(handle, mode, size):
        place = os.readlink(f"/proc/self/fd/{handle}"), os.lseek(handle, 0, os.SEEK_CUR)
        holder = held.get(place)
        taken = holder not in (None, f"/proc/self/fd/{handle}") and os.path.exists(holder)
        if taken and os.readlink(holder) == place[0]:
            raise PermissionError(13, "another handle has locked it")
        held[place] = f"/proc/self/fd/{handle}"

    module.locking = locking
    return module


if "FASTNN_SIMULATED" in os.environ:
    {"windows": windows, "macos": macos}[os.environ["FASTNN_SIMULATED"]]()
