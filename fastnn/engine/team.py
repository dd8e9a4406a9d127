"""A team: several threads take part in one run of the compiled loop.

Helpers are Python's threads. Each waits for a call of compiled code, in which it does without the
GIL; who comes after the work is done is sent away, and nobody waits for it. Kernels that this
process compiled are entered by Numba's own parallel region instead.
"""

import os
import threading
from queue import SimpleQueue
from typing import Any

import numpy as np

from fastnn.engine.buffers import address
from fastnn.kernels.codes import CLOSED, WAITING
from fastnn.kernels.loop.door import COMPILED, Kernels

_inboxes: list[SimpleQueue] = []
_forked = False


def _after_fork() -> None:
    # Threads do not survive a fork, and entering Numba's region without them would end the child.
    global _forked
    _forked = True
    _inboxes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _serve(inbox: SimpleQueue) -> None:
    while True:
        kernels, job, worker = inbox.get()
        kernels.assist(address(job), worker)
        del kernels, job


def _inbox(helper: int) -> SimpleQueue:
    """Where a helper finds its calls; it is started when it is first needed."""
    while len(_inboxes) <= helper:
        inbox: SimpleQueue = SimpleQueue()
        name = f"fastnn helper {len(_inboxes) + 1}"
        threading.Thread(target=_serve, args=(inbox,), name=name, daemon=True).start()
        _inboxes.append(inbox)
    return _inboxes[helper]


def _by_numba(kernels: Kernels) -> bool:
    """Whether to enter Numba's region: for kernels that this process compiled.

    Not where Numba has nothing but its own pool of threads: that ends the process where another
    thread, with parallel code of somebody else's, is in a region at the same time.
    """
    if kernels.origin != COMPILED or _forked:
        return False
    from numba import threading_layer

    from fastnn.kernels.loop.region import start_threads

    start_threads()
    return bool(threading_layer() != "workqueue")


def prepare(kernels: Kernels) -> None:
    """Compile and start what a run by several threads needs."""
    if _by_numba(kernels):
        from fastnn.kernels.loop.region import start_threads

        start_threads()


def run(kernels: Kernels, places: tuple[Any, ...], workers: int) -> None:
    """Call the loop at `places`, function, context, state and work, by so many workers.

    The caller holds `fastnn.engine.threads.region`.
    """
    if _by_numba(kernels):
        from fastnn.kernels.loop.region import run as run_in_region

        run_in_region(places, workers)
        return
    job = np.array([*places, WAITING, -1], np.int64)
    try:
        for helper in range(workers - 1):
            _inbox(helper).put((kernels, job, helper + 1))
        kernels.lead(address(job))
    except BaseException:
        # Ctrl-C before the run began: nobody may begin it any more.
        job[4] = CLOSED
        raise
