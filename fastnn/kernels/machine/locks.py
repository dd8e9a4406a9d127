"""Locks that a fork leaves whole.

In a forked child only the thread that forked exists: what another one held would stay held there,
and what it was at, half done. Here a process forks while nobody is within: whoever is ends first.
That takes no longer than a block of training steps, or than a compilation.
"""

import os
import threading
import weakref
from typing import Any

_made: weakref.WeakSet[Any] = weakref.WeakSet()
_making = threading.RLock()
loading = threading.RLock()
"""Within it, kernels are compiled or loaded, and what training needs is imported: a child forked
in the middle would wait for Python's import locks for ever. Who holds one of the others may take
it, never the other way round."""
_held: list[Any] = []


def lock() -> Any:
    """A lock, reentrant, that other threads do not fork within."""
    made = threading.RLock()
    with _making:
        _made.add(made)
    return made


def _before() -> None:
    for one in (_making, *sorted(_made, key=id), loading):
        one.acquire()
        _held.append(one)


def _after() -> None:
    # In the child too: the thread that forked is the one that lives there, and holds them all.
    while _held:
        _held.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
