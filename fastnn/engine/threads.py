"""Threads: how many, who may enter a parallel region; SciPy's BLAS held at one for it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from numbers import Integral
from pathlib import Path
from typing import Any

from fastnn.engine import cores
from fastnn.inputs.calls import explained
from fastnn.inputs.settings import check_count

_region: dict[str, int] = {}
"""The Python thread that has the team. One that Ctrl-C has broken off takes it again."""
_chosen: int | None = None


class _Alone(threading.local):
    depth = 0


_alone = _Alone()


def _after_fork() -> None:
    # Whoever held it in the parent does not exist here.
    _region.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _container_limit() -> list[int]:
    """The number of processors whose time a container may use, where that is limited."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return []
    return [] if quota == "max" else [max(1, int(quota) // int(period))]


@cache
def _default() -> int:
    """The environment's number, else physical cores, or less where joblib or a batch system say so.

    To ask the environment takes a quarter of the time in which a row is predicted.
    """
    given = os.environ.get("FASTNN_NUM_THREADS")
    if given is not None:
        if not given.isdigit() or int(given) < 1:
            raise ValueError(
                f"FASTNN_NUM_THREADS is {given!r}; expected a whole number of at least 1"
            )
        return min(int(given), _maximum())
    limits = [cores.physical(), *_container_limit()]
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            limits.append(int(value))
    return min(limits)


def _maximum() -> int:
    """The number of logical processors, unless the environment says otherwise, as in Numba."""
    given = os.environ.get("NUMBA_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return cores.logical()


def get_num_threads() -> int:
    """Number of threads that training and prediction may use.

    Set by `set_num_threads`, else by the environment variable ``FASTNN_NUM_THREADS``, else the
    number of physical cores that this process may use, of those that differ in speed the fast ones.
    The environment is read when somebody first needs the number.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.get_num_threads() >= 1
    True
    """
    if _alone.depth:
        return 1
    return _default() if _chosen is None else _chosen


def processors() -> int:
    """Logical processors that this process may use, as joblib counts them."""
    limit = os.environ.get("LOKY_MAX_CPU_COUNT", "")
    return max(
        1, min([cores.logical(), *_container_limit(), *([int(limit)] if limit.isdigit() else [])])
    )


def workers(n_jobs: Any) -> int:
    """How many threads train a model each, by joblib's rule: -1 are all processors, -2 all but one.

    ``OMP_NUM_THREADS`` and its like say how many threads share one computation: they do not count
    here. What fastnn itself was told does: `set_num_threads` and ``FASTNN_NUM_THREADS``.

    Examples
    --------
    >>> workers(3), workers(-1) >= 1
    (3, True)
    """
    if isinstance(n_jobs, Integral) and not isinstance(n_jobs, bool) and n_jobs < 0:
        told = _alone.depth or _chosen is not None or os.environ.get("FASTNN_NUM_THREADS")
        return max(1, (get_num_threads() if told else processors()) + 1 + int(n_jobs))
    return check_count(n_jobs, "n_jobs")


@contextmanager
def alone() -> Iterator[None]:
    """Within it, this Python thread trains and predicts on itself alone; others are not affected.

    For populations: many models, each on a thread of its own.
    """
    _alone.depth += 1
    try:
        yield
    finally:
        _alone.depth -= 1


@explained
def set_num_threads(n: int | None) -> None:
    """Let training and prediction use n threads; results are the same bits for every n.

    Parameters
    ----------
    n : int or None
        At least 1 and at most the number of logical processors, unless the environment variable
        ``NUMBA_NUM_THREADS`` says otherwise. None: back to the default, the environment read anew.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.set_num_threads(1)
    >>> fastnn.get_num_threads()
    1
    >>> fastnn.set_num_threads(None)
    """
    global _chosen
    if n is not None:
        if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
            raise ValueError(f"got {n!r} threads; expected a whole number of at least 1, or None")
        if n > _maximum():
            raise ValueError(
                f"got {n} threads; expected at most {_maximum()}, the number of processors: set "
                "NUMBA_NUM_THREADS to allow more"
            )
    _chosen = None if n is None else int(n)
    _default.cache_clear()


@contextmanager
def region(wanted: int) -> Iterator[int]:
    """Yield the number of workers to run: `wanted`, or 1 where several may not.

    There is one team: whoever comes second works alone, and computes the same bits.
    """
    workers = min(wanted, get_num_threads(), _maximum())
    mine = threading.get_ident()
    if workers < 2 or _region.setdefault("thread", mine) != mine:
        yield 1
        return
    try:
        yield workers
    finally:
        _region.pop("thread", None)


def _set_threads(library: Any, n: int) -> None:
    # threadpoolctl's own method does nothing on any thread but the first that called it.
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n)


def _is_scipys(library: Path) -> bool:
    """Whether it came in SciPy's wheel, which on macOS keeps libraries in a folder of its own."""
    return "scipy.libs" in library.parts or library.parts[-3:-1] == ("scipy", ".dylibs")


class _Blas:
    """SciPy's BLAS, held at one thread while SciPy minimises at least one function."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._before: list[int] = []

    @staticmethod
    @cache
    def libraries() -> list[Any]:
        """The BLAS libraries that SciPy's optimizers call."""
        import scipy.linalg.cython_blas  # noqa: F401  (loads the library)
        from threadpoolctl import ThreadpoolController

        found = ThreadpoolController().select(user_api="blas").lib_controllers
        # Apple's Accelerate, where SciPy's wheel calls that, is not among them, nor can it be held.
        return [lib for lib in found if _is_scipys(Path(lib.filepath or ""))] or list(found)

    def __enter__(self) -> None:
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._before = [lib.get_num_threads() for lib in self.libraries()]
                for lib in self.libraries():
                    _set_threads(lib, 1)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                for lib, n in zip(self.libraries(), self._before, strict=True):
                    _set_threads(lib, n)


one_blas_thread = _Blas()
