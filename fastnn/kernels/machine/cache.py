"""Where object code is kept: in the wheel, and in the user's folder.

An entry is one file, named by a digest of all kernel sources, the number type and the processor,
and bound to that name: its first bytes are a digest of the name and the rest. Nothing in it is
executed before it has been checked, and nothing is read that another user could have written. Any
failure means "compile without the cache".
"""

import functools
import hashlib
import os
import stat
import sys
import warnings
from pathlib import Path

from fastnn.kernels.machine import target
from fastnn.kernels.machine.objects import opened, sealed

KERNELS = Path(__file__).parents[1]
SHIPPED = KERNELS / "shipped"
"""What a wheel of one platform brings."""
_BINARY = getattr(os, "O_BINARY", 0)


@functools.cache
def sources_digest() -> str:
    """Digest of every kernel source."""
    digest = hashlib.sha256()
    for path in sorted(KERNELS.rglob("*.py")):
        name = path.relative_to(KERNELS).as_posix()
        digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def shipped_name(level: str, dtype: str) -> str:
    """Name of a wheel's object code for a level and a number type."""
    return f"{dtype}-{level}-{target.system()}.bin"


def bound_name(name: str) -> str:
    """What a wheel's object code is bound to: its name, and the sources that it was made of."""
    return f"{name} {sources_digest()}"


def entry_name(dtype: str) -> str:
    """Name of the user's entry for a number type on this processor, by this compiler."""
    import llvmlite

    here = target.current()
    made_by = f"{target.system()} {here.triple} {here.cpu} {here.features} {llvmlite.__version__}"
    return f"{dtype}-{hashlib.sha256(made_by.encode()).hexdigest()[:16]}.bin"


def cache_directory() -> Path:
    """Where compiled kernels are kept: `FASTNN_CACHE_DIR`, or the user's cache folder."""
    if chosen := os.environ.get("FASTNN_CACHE_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fastnn"


def current_directory() -> Path:
    """The part of the cache that belongs to these kernel sources."""
    return cache_directory() / sources_digest()[:16]


def write_error() -> str:
    """Why the cache cannot be written, or "" where it can."""
    import tempfile

    try:
        _make(current_directory())
        _check_owner(current_directory())
        with tempfile.TemporaryFile(dir=current_directory()):
            return ""
    except (OSError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"


def shipped(level: str, dtype: str) -> bytes | None:
    """The wheel's object code for a level, if it was made of these sources."""
    name = shipped_name(level, dtype)
    try:
        return opened(bound_name(name), (SHIPPED / name).read_bytes())
    except (OSError, ValueError):
        return None


def holds(dtype: str) -> bool:
    """Whether the user's folder has an entry."""
    try:
        return (current_directory() / entry_name(dtype)).is_file()
    except (OSError, RuntimeError):
        return False


def read(dtype: str) -> bytes | None:
    """The user's object code, or None; at most one warning says why it cannot be used."""
    name = entry_name(dtype)
    try:
        path = current_directory() / name
        if not path.exists():
            return None
        _check_owner(cache_directory())
        _check_owner(current_directory())
        with path.open("rb") as file:
            _check(os.fstat(file.fileno()), path)
            return opened(bound_name(name), file.read())
    except (OSError, RuntimeError, ValueError) as error:
        _warn_once("use", error)
        return None


def write(dtype: str, code: bytes) -> None:
    """Keep object code: a temporary file, then one rename."""
    name = entry_name(dtype)
    try:
        folder = current_directory()
        _make(folder)
        _check_owner(cache_directory())
        _check_owner(folder)
        temporary = folder / f"{name}.{os.urandom(8).hex()}"
        # Others may read it, where the user's umask lets them.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o644)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sealed(bound_name(name), code))
            _replace(temporary, folder / name)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except (OSError, RuntimeError) as error:
        _warn_once("write", error)


def _replace(temporary: Path, entry: Path) -> None:
    try:
        os.replace(temporary, entry)
    except PermissionError:
        # Windows refuses while another process reads the entry: it holds the same code.
        if sys.platform != "win32" or not entry.exists():
            raise
        os.unlink(temporary)


def _make(folder: Path) -> None:
    """Make a folder that others may read, where the user lets them, and not write."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(mode=0o755, exist_ok=True)


def _check_owner(path: Path) -> None:
    _check(path.stat(), path)


def _check(found: os.stat_result, path: Path) -> None:
    """Refuse what another user could have written: its code would run as this one's."""
    if not hasattr(os, "geteuid"):
        return
    if found.st_uid not in (os.geteuid(), 0):
        raise PermissionError(f"{path} belongs to another user")
    # In a folder such as /tmp, only the owner of a file can replace it.
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
        raise PermissionError(f"others can write to {path} (chmod go-w takes that away)")


_warned = False


def _warn_once(verb: str, error: BaseException) -> None:
    global _warned
    if not _warned:
        _warned = True
        reason = str(error) if isinstance(error, PermissionError | ValueError) else repr(error)
        warnings.warn(
            f"fastnn could not {verb} its cache of compiled kernels ({reason}); it compiles "
            "without the cache, in every new process. Set FASTNN_CACHE_DIR to a folder of your own "
            "that can be written.",
            RuntimeWarning,
            stacklevel=3,
        )
