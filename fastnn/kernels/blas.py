"""Floor 0. Matrix products: small ones in registers, large ones through the BLAS that SciPy ships.

`numba_xxgemm` is Numba's own door to it; it is found by name, so that functions which use it can
be cached on disk. BLAS counts columns first; a row-major (rows, columns) matrix is its transpose.

BLAS packs its operands before it multiplies, which costs a fifth to a half of the time where a
batch has 32 to 64 rows. OpenBLAS leaves that out for products of at most `block` = 100^3
multiplications where the processor has AVX-512; so larger ones are cut into such blocks.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.kernels.jit import kernel
from fastnn.kernels.memory import matrix, shift, transpose_square
from fastnn.kernels.micro import is_small, small_product

_N, _T = np.int8(ord("n")), np.int8(ord("t"))
_COLUMNS, _DEPTH = 128, 240


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
def product(tb, m, n, k, a, lda, b, ldb, c, ldc, block):
    """C = A op(B), column-major, in blocks of at most `block` multiplications (0: as a whole)."""
    if block == 0 or m * n * k <= block:
        gemm(_N, tb, m, n, k, 1.0, a, lda, b, ldb, 0.0, c, ldc)
        return
    columns, depth = min(m, _COLUMNS), min(k, _DEPTH)
    rows = max(4, block // (columns * depth) // 4 * 4)
    b_row, b_depth = (1, ldb) if tb == _T else (ldb, 1)
    # A block of A stays in cache while all of B passes by.
    for i in range(0, m, columns):
        for l in range(0, k, depth):
            for j in range(0, n, rows):
                gemm(
                    _N, tb, min(columns, m - i), min(rows, n - j), min(depth, k - l), 1.0,
                    shift(a, i + l * lda), lda, shift(b, j * b_row + l * b_depth), ldb,
                    0.0 if l == 0 else 1.0, shift(c, i + j * ldc), ldc,
                )  # fmt: skip


@kernel
def multiply(x, W, rows, n_in, n_out, z, block):
    """z = x W.  x (rows, n_in), W (n_in, n_out) -> z (rows, n_out)."""
    if is_small(W, n_in, n_out):
        small_product(x, n_in, 1, W, n_out, z, n_out, rows, n_out, n_in)
        return
    product(_N, n_out, rows, n_in, W, n_out, x, n_in, z, n_out, block)


@kernel
def transpose(W, n_in, n_out, begin, end, Wt):
    """Columns begin .. end-1 of Wt = W^T.  W (n_in, n_out) -> Wt (n_out, n_in)."""
    line = 64 // matrix(W, 0, 1, 1).itemsize
    whole, across = begin + (end - begin) // line * line, n_out // line * line
    for i in range(begin, whole, line):
        for j in range(0, across, line):
            transpose_square(shift(W, i * n_out + j), n_out, shift(Wt, j * n_in + i), n_in)
    source, target = matrix(W, 0, n_in, n_out), matrix(Wt, 0, n_out, n_in)
    for i in range(begin, end):
        for j in range(across if i < whole else 0, n_out):
            target[j, i] = source[i, j]


@kernel
def transposed_multiply(x, dz, rows, n_in, n_out, n, dW, block):
    """dW = x^T dz.  n columns of x (rows, n_in), dz (rows, n_out) -> dW (n, n_out)."""
    if is_small(dz, rows, n_out):
        small_product(x, 1, n_in, dz, n_out, dW, n_out, n, n_out, rows)
        return
    product(_T, n_out, n, rows, dz, n_out, x, n_in, dW, n_out, block)
