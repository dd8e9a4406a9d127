"""What one core can multiply at most: fused multiply-adds in registers alone."""

import time

from numba import njit, types
from numba.extending import intrinsic

from fastnn.kernels.machine.blocks import REGISTERS, VECTOR
from fastnn.kernels.machine.vectors import I64, VectorCode

CHAINS = REGISTERS - 4
STEPS = 1000


@intrinsic
def _chains(typingctx, start, n):
    """n fused multiply-adds in each of CHAINS vectors."""

    def codegen(context, builder, sig, args):
        code = VectorCode(builder, args[0].type, VECTOR)
        x = code.spread(args[0])

        def step(i, found):
            return [code.fused(x, one, x) for one in found]

        found = code.loop(I64(0), args[1], 1, step, [x] * CHAINS)
        total = found[0]
        for one in found[1:]:
            total = builder.fadd(total, one)
        return code.fold(total, builder.fadd)

    return start(start, types.int64), codegen


@njit(nogil=True)
def multiply_adds(times, start, n):
    total = start
    for _ in range(times):
        total += _chains(start, n)
    return total


def flops_of(dtype):
    """Operations of `multiply_adds(1, dtype(...), STEPS)`."""
    return 2 * STEPS * CHAINS * (VECTOR // dtype().itemsize)


def peak(dtype, times=500):
    """Operations a second on this core, in some milliseconds."""
    multiply_adds(1, dtype(0.5), STEPS)
    start = time.perf_counter()
    multiply_adds(times, dtype(0.5), STEPS)
    return times * flops_of(dtype) / (time.perf_counter() - start)
