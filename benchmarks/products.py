"""``python -m benchmarks.products``: matrix products as a share of what one core can multiply.

Measures the core's peak in the run, by fused multiply-adds in registers alone, then the products of
a layer on one thread: z = x W, dW = x^T dz and dx = dz W^T. Operands lie as in a training step,
the copies that a step makes once for all chunks made before. Shapes are rows x inputs x outputs.
"""

import argparse
import time
from statistics import median

import numpy as np
from numba import njit

from benchmarks.peak import STEPS, flops_of, multiply_adds
from fastnn.engine.buffers import arena
from fastnn.engine.cuts import tiles_of
from fastnn.kernels.codes import DENSE
from fastnn.kernels.machine import blocks, packing
from fastnn.kernels.machine.memory import shift, start_of
from fastnn.kernels.math import dense, products

SHAPES = "32x64x64", "64x784x128", "128x512x512", "256x256x256"
ROUND = 0.004


@njit
def forward(times, x, W, copy, packed, z):
    (rows, n_in), n_out = x.shape, z.shape[1]
    for _ in range(times):
        place = start_of(z)
        if packed:
            products.multiply_strips(
                start_of(x), start_of(copy), rows, n_in, n_out, place, False, place
            )  # fmt: skip
        else:
            dense.multiply(start_of(x), start_of(W), rows, 1, n_in, n_out, place, False, place)


@njit
def weight_gradient(times, x, dz, strips, packed, dW, tiles):
    (rows, n_in), n_out = x.shape, dz.shape[1]
    for _ in range(times):
        if packed:
            packing.pack(start_of(dz), rows, n_out, 0, rows, start_of(strips))
        for begin, end in tiles:
            place = shift(start_of(dW), begin * n_out)
            if packed:
                columns = shift(start_of(x), begin)
                products.multiply_panels(
                    columns, start_of(strips), rows, n_in, n_out, end - begin, place
                )
            else:
                dense.transposed_multiply(
                    start_of(x), start_of(dz), rows, 1, n_in, n_out, begin, end, place
                )


@njit
def make_copy(W, rows, n, copy, turned):
    if turned:
        packing.pack_transpose(start_of(W), rows, n, 0, rows, start_of(copy))
    else:
        packing.pack(start_of(W), rows, n, 0, rows, start_of(copy))


def timed(loop, *arguments):
    """A function that measures one turn of a loop, in seconds."""
    loop(1, *arguments)
    times, taken = 1, 0.0
    while taken < ROUND:
        times *= 2
        start = time.perf_counter()
        loop(times, *arguments)
        taken = time.perf_counter() - start

    def measure():
        start = time.perf_counter()
        loop(times, *arguments)
        return (time.perf_counter() - start) / times

    return measure


def numbers(dtype, *shape):
    """Normal numbers that lie as a run's do."""
    found = arena(int(np.prod(shape)), dtype).reshape(shape)
    found[...] = np.random.default_rng(0).normal(size=shape)
    return found


def products_of(shape, dtype):
    """Functions that measure the three products of a layer."""
    rows, n_in, n_out = shape
    x, W, z = numbers(dtype, rows, n_in), numbers(dtype, n_in, n_out), numbers(dtype, rows, n_out)
    dx, dW = np.empty_like(x), np.empty_like(W)
    strips = arena(blocks.packed_size(rows, n_out), dtype)
    sizes = blocks.packed_size(n_in, n_out), blocks.packed_size(n_out, n_in)
    copy, turned = (arena(size, dtype) for size in sizes)
    make_copy(W, n_in, n_out, copy, False)
    make_copy(W, n_in, n_out, turned, True)
    names = "kind", "depth", "units", "groups", "repeat"
    op = np.array((DENSE, n_in, n_out, 1, 1), [(name, int) for name in names])
    tiles = np.array(tiles_of(op, rows))
    packed, cut = blocks.needs_strips(*shape), blocks.needs_gradient_strips(*shape)
    return [
        timed(forward, x, W, copy, packed, z),
        timed(weight_gradient, x, z, strips, cut, dW, tiles),
        timed(forward, z, W, turned, True, dx),
    ]


def shares(shape, dtype, rounds):
    """(median, best) share of the peak for each product; and the median peak.

    The peak is measured next to each product: the median compares what was measured side by side,
    the best one sets the fastest round of a product against the fastest of the peak.
    """
    peak, flops = timed(multiply_adds, dtype(0.5), STEPS), 2 * np.prod(shape)
    peaks, found = [], []
    for product in products_of(shape, dtype):
        beside = [(flops_of(dtype) / peak(), flops / product()) for _ in range(rounds)]
        peaks += [most for most, _ in beside]
        found.append(
            (median(rate / most for most, rate in beside), max(rate for _, rate in beside))
        )
    return [(middle, best / max(peaks)) for middle, best in found], median(peaks)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.products", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--rounds", type=int, default=25)
    args = parser.parse_args()
    print("share of the peak, median (best)")
    for dtype in (np.float32, np.float64):
        print(f"{np.dtype(dtype).name:>16}    forward         dW         dx   of GFLOP/s")
        for name in args.shapes.split(","):
            found, peak = shares(tuple(map(int, name.split("x"))), dtype, args.rounds)
            columns = " ".join(f"{100 * mid:4.0f} ({100 * best:3.0f})" for mid, best in found)
            print(f"{name:>16} {columns} {peak / 1e9:10.1f}")


if __name__ == "__main__":
    main()
