"""The machine's own limit for a step: its GEMMs and Adam's memory traffic, and nothing else.

GEMM: y = x W, dW = x^T dz and dx = dz W^T (not for the first layer) of every Dense, by SciPy's
BLAS on one thread. With n threads, n such streams run at once and share the work perfectly.
Traffic: w, m and v are read and written, 24 bytes per parameter, in arrays of the size of the
network, so that one which fits into a cache is held to the speed of that cache.

The peak is what the multiply-adds alone could do: the share of it counts a step's products only.

It is a peer like the others: `train` does as many of these bare steps as an epoch has.
"""

import ctypes
import threading

import numpy as np
from numba import njit
from numba.extending import get_cython_function_address
from threadpoolctl import threadpool_limits

from benchmarks.peak import peak

NO, YES = (np.array([ord(letter)], np.int8) for letter in "NT")
ONE, ZERO = np.ones(1, np.float32), np.zeros(1, np.float32)

_sgemm = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(
    get_cython_function_address("scipy.linalg.cython_blas", "sgemm")
)


@njit(nogil=True)
def gemm(ta, tb, sizes, a, b, c):
    """C = op(A) op(B), column-major. sizes: m, n, k and the three leading dimensions, int32."""
    m, n, k = sizes[0:], sizes[1:], sizes[2:]
    lda, ldb, ldc = sizes[3:], sizes[4:], sizes[5:]
    _sgemm(
        ta.ctypes, tb.ctypes, m.ctypes, n.ctypes, k.ctypes, ONE.ctypes, a.ctypes, lda.ctypes,
        b.ctypes, ldb.ctypes, ZERO.ctypes, c.ctypes, ldc.ctypes,
    )  # fmt: skip


@njit(nogil=True)
def run_gemms(products, repeats):
    """All products, one after the other, `repeats` times."""
    for _ in range(repeats):
        for ta, tb, sizes, a, b, c in products:
            gemm(ta, tb, sizes, a, b, c)


@njit(nogil=True)
def run_traffic(a, one, repeats):
    """Read and write all of a (3 P,), with next to no arithmetic."""
    for _ in range(repeats):
        for i in range(len(a)):
            a[i] = one * a[i]


class Runner:
    def __init__(self, workload, X, y, threads):
        self.workload = workload
        self.X = X
        self.threads = threads
        share = -(-workload.n_parameters // threads)
        self.products = [products(workload) for _ in range(threads)]
        self.wmv = [np.zeros(3 * share, np.float32) for _ in range(threads)]
        self.train(1)

    def check(self):
        """No losses: it trains nothing."""
        return ()

    def train(self, epochs):
        steps = epochs * self.workload.steps
        with threadpool_limits(1, "blas"):
            self.in_threads(lambda i: run_gemms(self.products[i], max(1, steps // self.threads)))
        self.in_threads(lambda i: run_traffic(self.wmv[i], np.float32(1), steps))

    def peak(self):
        """Operations a second of all threads, by multiply-adds in registers alone."""
        found = [0.0] * self.threads

        def measure(i):
            found[i] = peak(np.float32)

        self.in_threads(measure)
        return sum(found)

    def in_threads(self, task):
        """task(0) ... task(threads - 1) at once."""
        others = [threading.Thread(target=task, args=(i,)) for i in range(1, self.threads)]
        for thread in others:
            thread.start()
        task(0)
        for thread in others:
            thread.join()


def products(workload):
    """Arguments of `gemm`, row-major operands seen as their column-major transposes."""
    rng = np.random.default_rng(0)
    B = workload.batch

    def new(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    calls = []
    for k, (I, O) in enumerate(workload.shapes):
        x, W, dz = new(B, I), new(I, O), new(B, O)
        calls.append((NO, NO, (O, B, I, O, I, O), W, x, dz))
        calls.append((NO, YES, (O, I, B, O, I, O), dz, x, new(I, O)))
        if k > 0:
            calls.append((YES, NO, (I, B, O, O, O, I), W, dz, new(B, I)))
    return tuple((ta, tb, np.array(sizes, np.int32), *arrays) for ta, tb, sizes, *arrays in calls)
