"""Small matrix products in registers: C = A B, nothing packed.

A block of C stays in vector registers while its depth passes by: each step takes one element of
some rows of A and a row of B that is one or two vectors wide (Goto & van de Geijn 2008, without
their packing). At the sizes of small networks that is 1.2 to 3 times as fast as BLAS, which packs
its operands first. Each element of C is one chain of fused multiply-adds along the depth, however C
is cut into blocks.
"""

from typing import Any

from numba import types
from numba.extending import intrinsic

from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import local_memory, matrix, shift, vector
from fastnn.kernels.machine.transposes import transpose
from fastnn.kernels.machine.vectors import I64, REGISTERS, VECTOR, VectorCode

ROWS = REGISTERS // 4
"""Rows of a block, with two vectors each: half of the registers hold it."""
PACKED = 2_000_000
"""Bytes of B from which on strips of it are copied, so that its rows lie side by side in cache.

Half of it where A lies across, for then A gains by a copy, too.
"""
DEPTH = 256
"""Rows of such a copy: with a vector pair each they fill half of a first-level cache."""
PANEL = 4
"""Strips that are copied at a time: memory is read in longer pieces."""
TURNED = 128
"""Rows of A that are copied at most, where they lie across."""
FEW = 4 * ROWS
"""Fewer rows of A than this do not pay for a copy."""


def _block(height: int, vectors: int) -> Any:
    """An intrinsic for a block of C, (rows, columns); a single vector need not be full."""

    @intrinsic
    def block(
        typingctx: Any, a: Any, row: Any, step: Any, b: Any, ldb: Any, c: Any, ldc: Any,
        old: Any, ldo: Any, rows: Any, columns: Any, depth: Any, add: Any,
    ) -> Any:  # fmt: skip
        size = types.intp

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            _Emitter(builder, args, height, vectors).emit()
            return context.get_dummy_value()

        kinds = a, size, size, b, size, c, size, old, size, size, size, size, types.boolean
        return types.void(*kinds), codegen

    return block


_strip_copies = local_memory(PANEL * DEPTH * 2 * VECTOR)
_turned_copy = local_memory(DEPTH * TURNED * 8)


class _Emitter(VectorCode):
    """Writes the code of one block.

    Rows that the block does not have are computed as others, or its last one: the same numbers,
    written again.
    """

    def __init__(self, builder: Any, args: Any, height: int, vectors: int) -> None:
        super().__init__(builder, args[0].type.pointee, VECTOR)
        self.height, self.vectors = height, vectors
        self.a, self.row, self.step, self.b, self.ldb, self.c, self.ldc = args[:7]
        self.old, self.ldo, self.rows, columns, self.depth, self.add = args[7:]
        self.mask = self.below(columns) if vectors == 1 else None

    def emit(self) -> None:
        builder = self.builder
        # Inlined, the code would be optimised again in each caller.
        builder.function.attributes.add("noinline")
        tops, numbers = self._halves()
        self.numbers = [builder.add(top, number) for top in tops for number in numbers]
        offsets = [builder.mul(self.row, number) for number in numbers]
        halves = [builder.mul(self.row, top) for top in tops]
        before, entry = self._before(), builder.block
        loop, done = (builder.append_basic_block(name) for name in ("depth", "done"))
        builder.branch(loop)
        builder.position_at_end(loop)
        phis = [builder.phi(kind) for kind in (I64, self.a.type, self.b.type)]
        sums = [builder.phi(self.vector) for _ in range(self.height * self.vectors)]
        starts = [I64(0), self.a, self.b, *before]
        k, a, b = phis
        columns = [self._load_part(b, v) for v in range(self.vectors)]
        new = []
        places = [(builder.gep(a, [half]), offset) for half in halves for offset in offsets]
        for r, (half, offset) in enumerate(places):
            x = self.spread(builder.load(builder.gep(half, [offset])))
            for v in range(self.vectors):
                new.append(self.fused(x, columns[v], sums[r * self.vectors + v]))
        after = builder.add(k, I64(1))
        ends = [after, builder.gep(a, [self.step]), builder.gep(b, [self.ldb]), *new]
        for phi, start, end in zip([*phis, *sums], starts, ends, strict=True):
            phi.add_incoming(start, entry)
            phi.add_incoming(end, loop)
        builder.cbranch(builder.icmp_signed("<", after, self.depth), loop, done)
        builder.position_at_end(done)
        for (r, v), value in zip(self._parts(), new, strict=True):
            place = self._place(self._row_of(self.c, self.ldc, r), v)
            self.store(value, place, self.mask)

    def _halves(self) -> tuple[list[Any], list[Any]]:
        """Where the halves of the block start, or all of it, and the numbers of their rows."""
        builder = self.builder
        if self.height == ROWS:
            last = builder.sub(self.rows, I64(1))
            return [I64(0)], [self.at_most(r, last) for r in range(ROWS)]
        # The distances of all its rows would not fit into registers.
        return [I64(0), builder.sub(self.rows, I64(ROWS))], [I64(r) for r in range(ROWS)]

    def _parts(self) -> list[tuple[int, int]]:
        return [(r, v) for r in range(self.height) for v in range(self.vectors)]

    def _row_of(self, base: Any, distance: Any, r: int) -> Any:
        return self.builder.gep(base, [self.builder.mul(distance, self.numbers[r])])

    def _place(self, base: Any, v: int) -> Any:
        return self.builder.gep(base, [I64(v * self.lanes)])

    def _load_part(self, base: Any, v: int) -> Any:
        return self.load(self._place(base, v), self.mask)

    def _before(self) -> list[Any]:
        """What to add to: the old block, or zeros."""
        builder = self.builder
        entry, old, start = builder.block, *map(builder.append_basic_block, ("old", "start"))
        builder.cbranch(self.add, old, start)
        builder.position_at_end(old)
        values = [self._load_part(self._row_of(self.old, self.ldo, r), v) for r, v in self._parts()]
        builder.branch(start)
        builder.position_at_end(start)
        found = []
        for value in values:
            found.append(builder.phi(self.vector))
            found[-1].add_incoming(self.zero, entry)
            found[-1].add_incoming(value, old)
        return found


def _strip(height: int, vectors: int) -> Any:
    """A kernel for a strip of C, as wide as a block of so many rows and vectors."""
    block = _block(height, vectors)

    @kernel
    def strip(a, row, step, b, ldb, c, ldc, old, ldo, m, n, depth, add):
        """C = A B, or old + A B.  A (m, depth), strides row and step; B (depth, n), C (m, n)."""
        for i in range(0, m, height):
            at, before = shift(c, i * ldc), shift(old, i * ldo)
            rows = min(height, m - i)
            block(shift(a, i * row), row, step, b, ldb, at, ldc, before, ldo, rows, n, depth, add)

    return strip


_pairs, _singles, _few = _strip(ROWS, 2), _strip(2 * ROWS, 1), _strip(ROWS, 1)


@kernel
def _columns(a, row, step, b, ldb, c, ldc, old, ldo, m, n, depth, add):
    """At most as many columns of C as a block has."""
    lanes = VECTOR // matrix(c, 0, 1, 1).itemsize
    if n == 2 * lanes:
        _pairs(a, row, step, b, ldb, c, ldc, old, ldo, m, n, depth, add)
        return
    rest = m % (2 * ROWS)
    most = m - rest if rest < ROWS else m
    for j in range(0, n, lanes):
        part, at, before, some = shift(b, j), shift(c, j), shift(old, j), min(n - j, lanes)
        _singles(a, row, step, part, ldb, at, ldc, before, ldo, most, some, depth, add)
        if most < m:
            x, at, before = shift(a, most * row), shift(at, most * ldc), shift(before, most * ldo)
            _few(x, row, step, part, ldb, at, ldc, before, ldo, rest, some, depth, add)


@intrinsic
def _copy_panel(typingctx: Any, b: Any, ldb: Any, rows: Any, copies: Any) -> Any:
    """`PANEL` strips of B at a time, whole rows of them: many reads are under way at once."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        b, ldb, rows, copies = args
        code = VectorCode(builder, b.type.pointee, VECTOR)
        wide = 2 * code.lanes

        def copy(k: Any, found: list[Any]) -> list[Any]:
            row = builder.gep(b, [builder.mul(ldb, k)])
            copied = builder.gep(copies, [builder.mul(I64(wide), k)])
            parts = [code.load(builder.gep(row, [I64(v * code.lanes)])) for v in range(2 * PANEL)]
            for v, part in enumerate(parts):
                place = v // 2 * DEPTH * wide + v % 2 * code.lanes
                code.store(part, builder.gep(copied, [I64(place)]))
            return found

        code.loop(I64(0), rows, 1, copy, [])
        return context.get_dummy_value()

    size = types.intp
    return types.void(b, size, size, copies), codegen


@kernel
def _copy_strips(b, ldb, apart, rows, n, wide, copies):
    """Strips of B's first n columns, each (rows, wide)."""
    if apart > 1:
        for j in range(0, n, wide):
            copy = shift(copies, DEPTH * j)
            transpose(shift(b, j * apart), apart, copy, wide, min(wide, n - j), rows)
        return
    if n == PANEL * wide:
        _copy_panel(b, ldb, rows, copies)
        return
    for k in range(rows):
        for j in range(0, n, wide):
            columns = min(wide, n - j)
            source = vector(b, k * ldb + j, columns)
            target = vector(copies, DEPTH * j + k * wide, columns)
            for i in range(columns):
                target[i] = source[i]


@kernel
def multiply_packed(a, row, step, b, ldb, apart, c, ldc, bias, add, m, n, depth):
    """`multiply_in_registers` by copies, for a large B whose columns are `apart`: B or a transpose.

    Of strides that are powers of two only a few numbers fit into the nearest cache at once.
    """
    wide = 2 * VECTOR // matrix(c, 0, 1, 1).itemsize
    strips, turned = _strip_copies(b), _turned_copy(b)
    for start in range(0, depth, DEPTH):
        rows = min(DEPTH, depth - start)
        part, down, along = shift(a, start * step), row, step
        if row == 1 and m <= TURNED:
            transpose(part, step, turned, DEPTH, rows, m)
            part, down, along = turned, DEPTH, 1
        for j in range(0, n, wide):
            k = j // wide % PANEL
            if k == 0:
                from_ = shift(b, start * ldb + j * apart)
                _copy_strips(from_, ldb, apart, rows, min(PANEL * wide, n - j), wide, strips)
            columns, at = min(wide, n - j), shift(c, j)
            old, ldo, more = shift(bias, j), 0, add
            if start > 0:
                old, ldo, more = at, ldc, True
            strip = shift(strips, k * DEPTH * wide)
            _columns(part, down, along, strip, wide, at, ldc, old, ldo, m, columns, rows, more)


@kernel
def multiply_in_registers(a, row, step, b, ldb, c, ldc, bias, add, m, n, depth):
    """C = A B.  A (m, depth) with strides row and step, B (depth, n), C (m, n), ld* apart.

    Where `add`, the row `bias` (n,) is what each row of C starts from.
    """
    size = matrix(c, 0, 1, 1).itemsize
    wide = 2 * VECTOR // size
    if m >= FEW and depth * ldb * size >= (PACKED // 2 if row == 1 else PACKED):
        multiply_packed(a, row, step, b, ldb, 1, c, ldc, bias, add, m, n, depth)
        return
    for j in range(0, n, wide):
        strip, at, old, columns = shift(b, j), shift(c, j), shift(bias, j), min(wide, n - j)
        _columns(a, row, step, strip, ldb, at, ldc, old, 0, m, columns, depth, add)
