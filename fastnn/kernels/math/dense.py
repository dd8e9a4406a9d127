"""Matrix products: in registers, or through the BLAS that SciPy ships.

With vectors of 64 bytes (AVX-512) products in registers are faster than OpenBLAS at all sizes of
small networks; with narrower ones only small products are, and BLAS takes the others.
`numba_xxgemm` is Numba's own door to it; it is found by name, so that functions which use it can be
cached on disk. BLAS counts columns first; a row-major (rows, columns) matrix is its transpose.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, vector
from fastnn.kernels.machine.micro import PACKED, multiply_in_registers, multiply_packed
from fastnn.kernels.machine.vectors import VECTOR

_N, _T = np.int8(ord("n")), np.int8(ord("t"))
IN_REGISTERS = VECTOR >= 64
SMALL = 300_000
"""Multiplications up to which narrower vectors do a product faster than BLAS, which packs it."""


@intrinsic
def gemm(typingctx: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any, alpha: Any,
         a: Any, lda: Any, b: Any, ldb: Any, beta: Any, c: Any, ldc: Any) -> Any:  # fmt: skip
    """BLAS xGEMM on pointers: C = alpha op(A) op(B) + beta C, column-major."""
    dtype = a.dtype

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        i8, size = ir.IntType(8), ir.IntType(64)
        p = i8.as_pointer()
        kinds = [i8, i8, i8, size, size, size, p, p, size, p, size, p, p, size]
        door = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.IntType(32), kinds), "numba_xxgemm"
        )
        ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc = args
        alpha, beta = (cgutils.alloca_once_value(builder, v) for v in (alpha, beta))
        alpha, a, b, beta, c = (builder.bitcast(v, p) for v in (alpha, a, b, beta, c))
        kind = ir.Constant(i8, ord("s" if dtype == types.float32 else "d"))
        builder.call(door, [kind, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc])
        return context.get_dummy_value()

    char, size = types.char, types.intp
    return types.void(
        char, char, size, size, size, dtype, a, size, b, size, dtype, c, size
    ), codegen


@kernel
def multiply(x, W, rows, n_in, n_out, bias, add, z):
    """z = x W, or x W + bias where `add`.  x (rows, n_in), W (n_in, n_out) -> z (rows, n_out)."""
    if IN_REGISTERS or rows * n_in * n_out <= SMALL:
        multiply_in_registers(x, n_in, 1, W, n_out, z, n_out, bias, add, rows, n_out, n_in)
        return
    if add:
        fill_rows(vector(bias, 0, n_out), matrix(z, 0, rows, n_out))
    gemm(_N, _N, n_out, rows, n_in, 1.0, W, n_out, x, n_in, 1.0 if add else 0.0, z, n_out)


def needs_transpose(n_in: int, n_out: int) -> bool:
    """Whether dz W^T wants a copy of W^T; `multiply_transposed` turns a large W piece by piece."""
    return not IN_REGISTERS or 4 * n_in * n_out < PACKED


@kernel
def multiply_transposed(dz, W, rows, n_in, n_out, dx):
    """dx = dz W^T.  dz (rows, n_out), W (n_in, n_out) -> dx (rows, n_in)."""
    multiply_packed(dz, n_out, 1, W, 1, n_out, dx, n_in, dx, False, rows, n_in, n_out)


@kernel
def fill_rows(b, z):
    """Each row of z is b."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = b[j]


@kernel
def transposed_multiply(x, dz, rows, n_in, n_out, n, dW):
    """dW = x^T dz.  n columns of x (rows, n_in), dz (rows, n_out) -> dW (n, n_out)."""
    if IN_REGISTERS or rows * n * n_out <= SMALL:
        multiply_in_registers(x, 1, n_in, dz, n_out, dW, n_out, dW, False, n, n_out, rows)
    else:
        gemm(_N, _T, n_out, n, rows, 1.0, dz, n_out, x, n_in, 0.0, dW, n_out)
