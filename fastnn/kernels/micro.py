"""Floor 0. Small matrix products in registers: C = A B, nothing packed.

A block of C stays in vector registers while its depth passes by: each step takes one element of
some rows of A and a row of B that is one or two vectors wide (Goto & van de Geijn 2008, without
their packing). At the sizes of small networks that is 1.2 to 3 times as fast as BLAS, which packs
its operands first. Each element of C is one chain of fused multiply-adds along the depth, however C
is cut into blocks.
"""

import platform
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.kernels.jit import kernel
from fastnn.kernels.memory import matrix, shift, vector

_I1, _I32, _I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)


def _vectors() -> tuple[int, int, bool]:
    """Bytes of a vector; rows of a block, eight for 32 registers, four for 16; whether it fuses."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 8, True
    intel = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")
    return (32 if features.get("avx") else 16), (4 if intel else 8), features.get("fma", not intel)


VECTOR, ROWS, FUSES = _vectors()
PACKED = 2_000_000
"""Bytes of B from which on strips of it are copied, so that its rows lie side by side in cache."""
DEPTH = 256
"""Rows of such a copy: with a vector pair each they fill half of a first-level cache."""
FEW = 4 * ROWS
"""Fewer rows of A than this do not pay for a copy."""


def _block(rows: int, vectors: int, masked: bool) -> Any:
    """An intrinsic for a block of C, (rows, columns); masked where the last vector is not full."""

    @intrinsic
    def block(typingctx: Any, a: Any, row: Any, step: Any, b: Any, ldb: Any, c: Any, ldc: Any,
              depth: Any, columns: Any, add: Any) -> Any:  # fmt: skip
        size = types.intp

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            _Emitter(builder, args, rows, vectors, masked).emit()
            return context.get_dummy_value()

        return types.void(a, size, size, b, size, c, size, size, size, types.boolean), codegen

    return block


@intrinsic
def _strip_copy(typingctx: Any, b: Any) -> Any:
    """Memory on the stack for the copy of a strip."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = args[0].type.pointee
        lanes = VECTOR // (4 if isinstance(number, ir.FloatType) else 8)
        with builder.goto_entry_block():
            place = builder.alloca(number, _I32(DEPTH * 2 * lanes))
            place.align = VECTOR
        return place

    return b(b), codegen


class _Emitter:
    """Writes the code of one block."""

    def __init__(self, builder: Any, args: Any, rows: int, vectors: int, masked: bool) -> None:
        self.builder, self.rows, self.vectors, self.masked = builder, rows, vectors, masked
        self.a, self.row, self.step, self.b, self.ldb, self.c, self.ldc = args[:7]
        self.depth, n, self.add = args[7:]
        self.number = self.a.type.pointee
        self.bytes = 4 if isinstance(self.number, ir.FloatType) else 8
        self.lanes = VECTOR // self.bytes
        self.vector = ir.VectorType(self.number, self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)
        if masked:
            lanes = ir.Constant(ir.VectorType(_I64, self.lanes), list(range(self.lanes)))
            last = builder.sub(n, _I64((vectors - 1) * self.lanes))
            self.mask = builder.icmp_signed("<", lanes, self._spread(last))

    def emit(self) -> None:
        builder = self.builder
        # Inlined, the code would be optimised again in each caller.
        builder.function.attributes.add("noinline")
        before, entry = self._old(), builder.block
        loop, done = (builder.append_basic_block(name) for name in ("depth", "done"))
        builder.branch(loop)
        builder.position_at_end(loop)
        phis = [builder.phi(kind) for kind in (_I64, self.a.type, self.b.type)]
        sums = [builder.phi(self.vector) for _ in range(self.rows * self.vectors)]
        starts = [_I64(0), self.a, self.b, *before]
        k, a, b = phis
        columns = [self._load(b, v) for v in range(self.vectors)]
        new = []
        for r in range(self.rows):
            x = self._spread(builder.load(builder.gep(a, [builder.mul(self.row, _I64(r))])))
            for v in range(self.vectors):
                new.append(self._multiply_add(x, columns[v], sums[r * self.vectors + v]))
        after = builder.add(k, _I64(1))
        ends = [after, builder.gep(a, [self.step]), builder.gep(b, [self.ldb]), *new]
        for phi, start, end in zip([*phis, *sums], starts, ends, strict=True):
            phi.add_incoming(start, entry)
            phi.add_incoming(end, loop)
        builder.cbranch(builder.icmp_signed("<", after, self.depth), loop, done)
        builder.position_at_end(done)
        for r in range(self.rows):
            for v in range(self.vectors):
                place = builder.gep(self.c, [builder.mul(self.ldc, _I64(r))])
                self._store(new[r * self.vectors + v], place, v)

    def _old(self) -> list[Any]:
        """What to add to: C as it is, or zeros."""
        builder = self.builder
        entry, old, start = builder.block, *map(builder.append_basic_block, ("old", "start"))
        builder.cbranch(self.add, old, start)
        builder.position_at_end(old)
        places = [
            (builder.gep(self.c, [builder.mul(self.ldc, _I64(r))]), v)
            for r in range(self.rows)
            for v in range(self.vectors)
        ]
        values = [self._load(*place) for place in places]
        builder.branch(start)
        builder.position_at_end(start)
        found = []
        for value in values:
            found.append(builder.phi(self.vector))
            found[-1].add_incoming(self.zero, entry)
            found[-1].add_incoming(value, old)
        return found

    def _spread(self, value: Any) -> Any:
        """A vector of one number."""
        kind = ir.VectorType(value.type, self.lanes)
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, value, _I32(0))
        lanes = ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, nothing, lanes)

    def _place(self, base: Any, v: int) -> Any:
        place = self.builder.gep(base, [_I64(v * self.lanes)])
        return self.builder.bitcast(place, self.vector.as_pointer())

    def _load(self, base: Any, v: int) -> Any:
        place = self._place(base, v)
        if self.masked and v == self.vectors - 1:
            arguments = [place, _I32(self.bytes), self.mask, self.zero]
            return self._call("llvm.masked.load.{}.p0", arguments)
        return self.builder.load(place, align=self.bytes)

    def _store(self, value: Any, base: Any, v: int) -> None:
        place = self._place(base, v)
        if self.masked and v == self.vectors - 1:
            arguments = [value, place, _I32(self.bytes), self.mask]
            self._call("llvm.masked.store.{}.p0", arguments, ir.VoidType())
        else:
            self.builder.store(value, place, align=self.bytes)

    def _multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        if FUSES:
            return self._call("llvm.fma.{}", [x, y, total])
        # Where the processor has no such instruction, LLVM would call a function for each element.
        return self.builder.fadd(self.builder.fmul(x, y), total)

    def _call(self, name: str, arguments: list[Any], result: Any = None) -> Any:
        """One of LLVM's own functions on such vectors."""
        kind = ir.FunctionType(result or self.vector, [value.type for value in arguments])
        full = name.format(f"v{self.lanes}f{8 * self.bytes}")
        function = cgutils.get_or_insert_function(self.builder.module, kind, full)
        return self.builder.call(function, arguments)


_pair, _pair_of_row = _block(ROWS, 2, False), _block(1, 2, False)
_rest, _rest_of_row = _block(ROWS, 1, True), _block(1, 1, True)


def _strip(block: Any, block_of_row: Any) -> Any:
    """A kernel for a strip of C, as wide as a block."""

    @kernel
    def strip(a, row, step, b, ldb, c, ldc, m, n, depth, add):
        """C = A B, or C += A B.  A (m, depth), strides row and step; B (depth, n), C (m, n)."""
        whole = m // ROWS * ROWS
        for i in range(0, whole, ROWS):
            block(shift(a, i * row), row, step, b, ldb, shift(c, i * ldc), ldc, depth, n, add)
        if m > whole and whole > 0 and not add:
            # It overlaps the block before it, and writes the same numbers again.
            i = m - ROWS
            block(shift(a, i * row), row, step, b, ldb, shift(c, i * ldc), ldc, depth, n, add)
            return
        for i in range(whole, m):
            block_of_row(
                shift(a, i * row), row, step, b, ldb, shift(c, i * ldc), ldc, depth, n, add
            )

    return strip


_pairs, _rests = _strip(_pair, _pair_of_row), _strip(_rest, _rest_of_row)


@kernel
def _packed_pairs(a, row, step, b, ldb, c, ldc, m, n, depth):
    """A strip by copies of DEPTH rows of B, one after the other."""
    copy = _strip_copy(b)
    for start in range(0, depth, DEPTH):
        rows = min(DEPTH, depth - start)
        target = matrix(copy, 0, rows, n)
        for k in range(rows):
            source = vector(b, (start + k) * ldb, n)
            for j in range(n):
                target[k, j] = source[j]
        _pairs(shift(a, start * step), row, step, copy, n, c, ldc, m, n, rows, start > 0)


@kernel
def multiply_in_registers(a, row, step, b, ldb, c, ldc, m, n, depth):
    """C = A B.  A (m, depth) with strides row and step, B (depth, n), C (m, n), ld* apart."""
    size = matrix(c, 0, 1, 1).itemsize
    lanes = VECTOR // size
    packed = m >= FEW and depth * ldb * size >= PACKED
    j = 0
    while j + 2 * lanes <= n:
        if packed:
            _packed_pairs(a, row, step, shift(b, j), ldb, shift(c, j), ldc, m, 2 * lanes, depth)
        else:
            _pairs(a, row, step, shift(b, j), ldb, shift(c, j), ldc, m, 2 * lanes, depth, False)
        j += 2 * lanes
    while j < n:
        rest = min(n - j, lanes)
        _rests(a, row, step, shift(b, j), ldb, shift(c, j), ldc, m, rest, depth, False)
        j += rest
