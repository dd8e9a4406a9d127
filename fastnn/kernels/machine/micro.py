"""Blocks of matrix products in registers.

A block of C stays in vector registers while its depth passes by: each step takes one element of
some rows of A and a row of B that is a few vectors wide (Goto & van de Geijn 2008). Each element of
C is one chain of fused multiply-adds along the depth, however C is cut into blocks.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastnn.kernels.machine.blocks import FEW, LONG, MASKS, ROWS, TALL, VECTOR, WIDE
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, shift
from fastnn.kernels.machine.vectors import I32, I64, VectorCode

TOGETHER = 3
"""Rows that are reached from one address: it, and so far or twice so far from it."""


def _block(height: int, vectors: int, exact: bool) -> Any:
    """An intrinsic for a block of C, (rows, columns).

    An exact one has all its rows. A single vector need not be full; of several, the last ones may
    overlap, so that any number of columns from one vector on fits.
    """

    @intrinsic
    def block(
        typingctx: Any, a: Any, row: Any, step: Any, b: Any, ldb: Any, c: Any, ldc: Any,
        old: Any, ldo: Any, rows: Any, columns: Any, depth: Any, add: Any,
    ) -> Any:  # fmt: skip
        size = types.intp

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            _Emitter(builder, args, height, vectors, exact).emit()
            return context.get_dummy_value()

        kinds = a, size, size, b, size, c, size, old, size, size, size, size, types.boolean
        return types.void(*kinds), codegen

    return block


class _Emitter(VectorCode):
    """Writes the code of one block.

    Rows that the block does not have are computed as its last one: the same numbers, written again.
    """

    def __init__(self, builder: Any, args: Any, height: int, vectors: int, exact: bool) -> None:
        super().__init__(builder, args[0].type.pointee, VECTOR)
        self.height, self.vectors, self.exact = height, vectors, exact
        self.a, self.row, self.step, self.b, self.ldb, self.c, self.ldc = args[:7]
        self.old, self.ldo, self.rows, self.columns, self.depth, self.add = args[7:]
        self.places = [I64(0)]
        for v in range(1, vectors):
            last = builder.sub(self.columns, I64(self.lanes))
            self.places.append(self.at_most(v * self.lanes, last))

    def emit(self) -> None:
        builder = self.builder
        # Inlined, the code would be optimised again in each caller.
        builder.function.attributes.add("noinline")
        last = builder.sub(self.rows, I64(1))
        each = range(self.height)
        self.numbers = [I64(r) if self.exact else self.at_most(r, last) for r in each]
        starts, offsets = self._addresses()
        before, entry = self._before(), builder.block
        loop, done = (builder.append_basic_block(name) for name in ("depth", "done"))
        builder.branch(loop)
        builder.position_at_end(loop)
        left, b = builder.phi(I64), builder.phi(self.b.type)
        places = [builder.phi(self.a.type) for _ in starts]
        sums = [builder.phi(self.vector) for _ in range(self.height * self.vectors)]
        columns = [self.load(builder.gep(b, [place])) for place in self.places]
        new = []
        for r in each:
            place = builder.gep(places[r // TOGETHER if self.exact else 0], [offsets[r]])
            x = self.spread(builder.load(place))
            for v in range(self.vectors):
                new.append(self.fused(x, columns[v], sums[r * self.vectors + v]))
        after = builder.sub(left, I64(1))
        moved = [builder.gep(place, [self.step]) for place in places]
        ends = [after, builder.gep(b, [self.ldb]), *moved, *new]
        begins = [self.depth, self.b, *starts, *before]
        for phi, begin, end in zip([left, b, *places, *sums], begins, ends, strict=True):
            phi.add_incoming(begin, entry)
            phi.add_incoming(end, loop)
        builder.cbranch(builder.icmp_signed(">", after, I64(0)), loop, done)
        builder.position_at_end(done)
        self._write(new)

    def _addresses(self) -> tuple[list[Any], list[Any]]:
        """Where rows of A begin, each `TOGETHER`th of an exact block, and how far off each lies."""
        builder = self.builder
        if not self.exact:
            return [self.a], [builder.mul(self.row, number) for number in self.numbers]
        firsts = range(TOGETHER, self.height, TOGETHER)
        # LLVM would else step from row to row, in a chain.
        far = [self.opaque(builder.mul(self.row, I64(r))) for r in firsts]
        near = [self.opaque(builder.mul(self.row, I64(k))) for k in range(1, TOGETHER)]
        starts = [self.a, *(builder.gep(self.a, [distance]) for distance in far)]
        distances = [I64(0), *near]
        return starts, [distances[r % TOGETHER] for r in range(self.height)]

    def _parts(self) -> list[tuple[int, int]]:
        return [(r, v) for r in range(self.height) for v in range(self.vectors)]

    def _place(self, base: Any, distance: Any, r: int, v: int) -> Any:
        row = self.builder.gep(base, [self.builder.mul(distance, self.numbers[r])])
        return self.builder.gep(row, [self.places[v]])

    def _before(self) -> list[Any]:
        """What to add to: the old block, or zeros."""
        builder = self.builder
        entry, old, start = builder.block, *map(builder.append_basic_block, ("old", "start"))
        builder.cbranch(self.add, old, start)
        builder.position_at_end(old)
        values = [self.load(self._place(self.old, self.ldo, r, v)) for r, v in self._parts()]
        builder.branch(start)
        builder.position_at_end(start)
        found = []
        for value in values:
            found.append(builder.phi(self.vector))
            found[-1].add_incoming(self.zero, entry)
            found[-1].add_incoming(value, old)
        return found

    def _write(self, sums: list[Any]) -> None:
        places = [self._place(self.c, self.ldc, r, v) for r, v in self._parts()]
        if self.vectors > 1 or MASKS:
            mask = self.below(self.columns) if self.vectors == 1 else None
            for place, value in zip(places, sums, strict=True):
                self.store(value, place, mask)
            return
        whole = self.builder.icmp_signed(">=", self.columns, I64(self.lanes))
        with self.builder.if_else(whole) as (then, otherwise):
            with then:
                for place, value in zip(places, sums, strict=True):
                    self.store(value, place)
            with otherwise:
                self._write_parts(places, sums)

    def _write_parts(self, places: list[Any], sums: list[Any]) -> None:
        """Halves, quarters and so on of vectors, as the number of columns has them."""
        builder, size = self.builder, self.lanes // 2
        while size:
            some = builder.icmp_signed("!=", builder.and_(self.columns, I64(size)), I64(0))
            before = builder.block
            low = ir.Constant(ir.VectorType(I32, size), list(range(size)))
            order = [(k + size) % self.lanes for k in range(self.lanes)]
            rest = ir.Constant(ir.VectorType(I32, self.lanes), order)
            moved, further = [], []
            with builder.if_then(some):
                for place, value in zip(places, sums, strict=True):
                    part = builder.shuffle_vector(value, value, low)
                    target = builder.bitcast(place, part.type.as_pointer())
                    builder.store(part, target, align=self.bytes)
                    moved.append(builder.shuffle_vector(value, value, rest))
                    further.append(builder.gep(place, [I64(size)]))
                then = builder.block
            joined = []
            for old, new in zip([*places, *sums], [*further, *moved], strict=True):
                joined.append(builder.phi(old.type))
                joined[-1].add_incoming(old, before)
                joined[-1].add_incoming(new, then)
            places, sums = joined[: len(places)], joined[len(places) :]
            size //= 2


def _strip(height: int, vectors: int, exact: bool) -> Any:
    """A kernel for a strip of C, as wide as a block of so many rows and vectors."""
    block = _block(height, vectors, exact)

    @kernel
    def strip(a, row, far, step, b, ldb, c, ldc, old, ldo, m, n, depth, add):
        """C = A B, or old + A B.  A (m, depth), B (depth, n), C (m, n); A's blocks `far` apart."""
        for i in range(0, m, height):
            at, before, x = shift(c, i * ldc), shift(old, i * ldo), shift(a, i // height * far)
            rows = min(height, m - i)
            block(x, row, step, b, ldb, at, ldc, before, ldo, rows, n, depth, add)

    return strip


_wide, _wide_few = _strip(ROWS, WIDE, True), _strip(FEW, WIDE, False)
_single, _single_few = _strip(TALL, 1, True), _strip(FEW, 1, False)
multiply_long = _strip(1, LONG, True)


@kernel
def in_tall_blocks(m, height):
    """How many of m rows go into exact blocks, so that few are computed twice in the others."""
    rest = m % height
    whole = m - rest
    if whole > 0 and -(rest + height) % FEW < -rest % FEW:
        whole -= height
    return whole


@kernel
def in_wide_blocks(n, lanes):
    """Whether n columns are computed by blocks of `WIDE` vectors, so that A may lie in panels."""
    return n == WIDE * lanes or (n >= lanes and not MASKS)


@kernel
def multiply_strip(a, row, far, step, b, ldb, c, ldc, old, ldo, m, n, depth, add):
    """C = A B, or old + A B, for at most as many columns as a block has.

    `row` and `step` are A's strides; its blocks lie `far` from each other, 0: one after the other.
    Whole vectors of B and of `old` are read, also beyond column n.
    """
    lanes = VECTOR // matrix(c, 0, 1, 1).itemsize
    if in_wide_blocks(n, lanes):
        most, tall, few = in_tall_blocks(m, ROWS), far, far
        if far == 0:
            tall, few = ROWS * row, FEW * row
        if most > 0:
            _wide(a, row, tall, step, b, ldb, c, ldc, old, ldo, most, n, depth, add)
        if most < m:
            x, at = shift(a, most // ROWS * tall), shift(c, most * ldc)
            before = shift(old, most * ldo)
            _wide_few(x, row, few, step, b, ldb, at, ldc, before, ldo, m - most, n, depth, add)
        return
    most, tall, few = in_tall_blocks(m, TALL), TALL * row, FEW * row
    for j in range(0, n, lanes):
        part, at, before, some = shift(b, j), shift(c, j), shift(old, j), min(n - j, lanes)
        if most > 0:
            _single(a, row, tall, step, part, ldb, at, ldc, before, ldo, most, some, depth, add)
        if most < m:
            x, at, before = shift(a, most * row), shift(at, most * ldc), shift(before, most * ldo)
            rest = m - most
            _single_few(x, row, few, step, part, ldb, at, ldc, before, ldo, rest, some, depth, add)
