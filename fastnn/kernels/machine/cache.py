"""The disk cache of the compiled entry points.

Numba's own cache does not see edits in other files, can pair an old index with new code, and
raises where there is no place to write. Here an entry is one file, named by a digest of all
kernel sources, the signature, the processor and the versions; its first bytes are the digest of
the rest. Any failure means "compile without the cache".
"""

import functools
import hashlib
import os
import pickle
import platform
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numba
from numba.core import compiler
from numba.core.caching import NullCache
from numba.core.runtime import rtsys
from numba.core.serialize import dumps


@functools.cache
def sources_digest() -> str:
    """Digest of every kernel source, of the versions and of the interpreter."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(f"{numba.__version__} {sys.version} {platform.machine()}".encode())
    return digest.hexdigest()


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
    """The part of the cache that belongs to these kernel sources and versions."""
    return cache_directory() / sources_digest()[:16]


def write_error() -> str:
    """Why the cache cannot be written, or "" where it can."""
    try:
        current_directory().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=current_directory()):
            return ""
    except (OSError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"


_warned = False


def _warn_once(what: str, error: BaseException) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"fastnn could not {what} ({type(error).__name__}: {error}); it compiles without the "
            "cache, a few seconds in every new process. Set FASTNN_CACHE_DIR to a folder that "
            "can be written.",
            RuntimeWarning,
            stacklevel=3,
        )


class KernelCache(NullCache):
    """The cache of one entry point, in the form that Numba's dispatchers expect."""

    def __init__(self, name: str) -> None:
        self.name = name

    def path(self, sig: Any, target_context: Any) -> Path:
        """File of the entry point compiled for `sig` on this processor."""
        key = f"{sig} {target_context.codegen().magic_tuple()}"
        tag = hashlib.sha256(key.encode()).hexdigest()[:16]
        return current_directory() / f"{self.name}-{tag}.bin"

    def holds(self, sig: Any, target_context: Any) -> bool:
        """Whether there is an entry for `sig`."""
        try:
            return self.path(sig, target_context).is_file()
        except (OSError, RuntimeError):
            return False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function from disk, or None."""
        try:
            blob = self.path(sig, target_context).read_bytes()
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError) as error:
            _warn_once("read its cache of compiled kernels", error)
            return None
        try:
            if hashlib.sha256(blob[32:]).digest() != blob[:32]:
                raise ValueError("a damaged entry")
            rtsys.initialize(target_context)
            return compiler.CompileResult._rebuild(target_context, *pickle.loads(blob[32:]))
        except Exception as error:
            _warn_once("read its cache of compiled kernels", error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the compiled function: a temporary file, then one rename."""
        try:
            path = self.path(sig, data.target_context)
            path.parent.mkdir(parents=True, exist_ok=True)
            body = dumps(data._reduce())
            handle, name = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(body).digest() + body)
                os.replace(name, path)
            except BaseException:
                os.unlink(name)
                raise
        except Exception as error:
            _warn_once("write its cache of compiled kernels", error)
