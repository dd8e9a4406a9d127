"""Writing code for whole vectors, where LLVM is not to choose their width."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from fastnn.kernels.machine.blocks import FUSES, MASKS
from fastnn.kernels.machine.functions import (
    EXP32,
    EXP64,
    LOG32,
    LOG64,
    write_binary_parts,
    write_power_of_two,
)  # fmt: skip

I32, I64 = ir.IntType(32), ir.IntType(64)


class VectorCode:
    """Loads, stores and masks for vectors of numbers of one type.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
    number : llvmlite.ir.Type
        float or double.
    size : int
        Bytes of a vector.
    """

    def __init__(self, builder: Any, number: Any, size: int) -> None:
        self.builder, self.number = builder, number
        self.bytes = 4 if isinstance(number, ir.FloatType) else 8
        self.lanes = size // self.bytes
        self.vector = ir.VectorType(number, self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)

    def spread(self, value: Any) -> Any:
        """A vector of one number."""
        kind = ir.VectorType(value.type, self.lanes)
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, value, I32(0))
        lanes = ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, nothing, lanes)

    def below(self, limit: Any) -> Any:
        """A mask of the lanes whose number is below a limit."""
        kind = ir.VectorType(I64, self.lanes)
        numbers = ir.Constant(kind, list(range(self.lanes)))
        return self.builder.icmp_signed("<", numbers, self.spread(limit))

    def at_most(self, number: int, last: Any) -> Any:
        """The smaller of a number and `last`."""
        fixed = I64(number)
        return self.builder.select(self.builder.icmp_signed("<", fixed, last), fixed, last)

    def load(self, place: Any, mask: Any = None) -> Any:
        """The vector that begins at a number; 0 outside a mask."""
        place = self.builder.bitcast(place, self.vector.as_pointer())
        if mask is None:
            return self.builder.load(place, align=self.bytes)
        return self.call("llvm.masked.load.{}.p0", [place, I32(self.bytes), mask, self.zero])

    def store(self, value: Any, place: Any, mask: Any = None) -> None:
        """Write a vector from a number on; nothing outside a mask."""
        place = self.builder.bitcast(place, self.vector.as_pointer())
        if mask is None:
            self.builder.store(value, place, align=self.bytes)
        else:
            arguments = [value, place, I32(self.bytes), mask]
            self.call("llvm.masked.store.{}.p0", arguments, ir.VoidType())

    def loop(
        self, first: Any, stop: Any, by: int, body: Callable[..., list[Any]], starts: list[Any]
    ) -> list[Any]:
        """What `body(i, found)` makes of `starts`, vectors, for i from `first` up to `stop`."""
        builder, before = self.builder, self.builder.block
        head, loop, done = (builder.append_basic_block(name) for name in ("head", "loop", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        i, *found = builder.phi(I64), *(builder.phi(self.vector) for _ in starts)
        builder.cbranch(builder.icmp_signed("<", i, stop), loop, done)
        builder.position_at_end(loop)
        ends, last = [builder.add(i, I64(by)), *body(i, found)], builder.block
        builder.branch(head)
        for phi, start, end in zip([i, *found], [first, *starts], ends, strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(end, last)
        builder.position_at_end(done)
        return found

    def opaque(self, number: Any) -> Any:
        """The same number, of which LLVM knows nothing: it neither steps by it nor vectorises."""
        return self.builder.asm(ir.FunctionType(I64, [I64]), "", "=r,0", [number], False)

    def each(self, n: Any, body: Callable[["VectorCode", Any, Any], None]) -> None:
        """`body(code, i, mask)` for each vector of n numbers, from number i on; a mask at the end.

        Without cheap masks the last vector overlaps the one before, where there is one: what the
        body does it must be able to do twice. Of fewer numbers `code` writes halves of vectors,
        quarters and so on.
        """
        builder = self.builder
        whole = builder.sub(n, builder.and_(n, I64(self.lanes - 1)))

        def one(i: Any, found: list[Any]) -> list[Any]:
            body(self, i, None)
            return found

        self.loop(I64(0), whole, self.lanes, one, [])
        with builder.if_then(builder.icmp_signed("<", whole, n)):
            if MASKS:
                body(self, whole, self.below(builder.sub(n, whole)))
                return
            some = builder.icmp_signed(">", whole, I64(0))
            with builder.if_else(some) as (overlapping, alone):
                with overlapping:
                    body(self, builder.sub(n, I64(self.lanes)), None)
                with alone:
                    self._by_halves(n, body)

    def _by_halves(self, n: Any, body: Callable[["VectorCode", Any, Any], None]) -> None:
        builder, size = self.builder, self.lanes // 2
        while size:
            some = builder.and_(n, I64(size))
            with builder.if_then(builder.icmp_signed("!=", some, I64(0))):
                # The larger parts lie before it.
                i = builder.and_(n, I64(-2 * size))
                body(VectorCode(builder, self.number, size * self.bytes), i, None)
            size //= 2

    def fused(self, x: Any, y: Any, total: Any) -> Any:
        """x y + total, in one instruction where the processor has it."""
        if FUSES:
            return self.call("llvm.fma.{}", [x, y, total])
        # LLVM would call a function for each element.
        return self.builder.fadd(self.builder.fmul(x, y), total)

    def larger(self, x: Any, y: Any) -> Any:
        """Lane by lane; y where either is NaN."""
        return self.builder.select(self.builder.fcmp_ordered(">=", x, y), x, y)

    def fold(self, x: Any, combine: Callable[[Any, Any], Any]) -> Any:
        """All lanes of a vector as one number, by halves."""
        for distance in (2**k for k in range(self.lanes.bit_length() - 1)):
            lanes = [(k + distance) % self.lanes for k in range(self.lanes)]
            order = ir.Constant(ir.VectorType(I32, self.lanes), lanes)
            x = combine(x, self.builder.shuffle_vector(x, x, order))
        return self.builder.extract_element(x, I32(0))

    def constant(self, value: float) -> Any:
        """A vector of one constant."""
        return ir.Constant(self.vector, [value] * self.lanes)

    def exp(self, x: Any) -> Any:
        """e^x for x <= 0, as `functions.exp`."""
        builder = self.builder
        least, rate, high, low, coefficients = EXP32 if self.bytes == 4 else EXP64
        least = self.constant(least)
        x = builder.select(builder.fcmp_ordered("<", x, least), least, x)
        n = self._floor(self.fused(x, self.constant(rate), self.constant(0.5)))
        r = self.fused(n, self.constant(-low), self.fused(n, self.constant(-high), x))
        q = self.constant(coefficients[0])
        for c in coefficients[1:]:
            q = self.fused(q, r, self.constant(c))
        half = self._floor(builder.fmul(n, self.constant(0.5)))
        p = builder.fadd(self.constant(1.0), self.fused(builder.fmul(r, r), q, r))
        p = builder.fmul(p, write_power_of_two(builder, half))
        return builder.fmul(p, write_power_of_two(builder, builder.fsub(n, half)))

    def log(self, x: Any) -> Any:
        """Natural logarithm of positive normal numbers or NaN, as `functions.log`."""
        builder = self.builder
        high, low, coefficients = LOG32 if self.bytes == 4 else LOG64
        n, m = write_binary_parts(builder, x)
        f = builder.fsub(m, self.constant(1.0))
        s = builder.fdiv(f, builder.fadd(f, self.constant(2.0)))
        z, r = builder.fmul(s, s), self.constant(coefficients[0])
        for c in coefficients[1:]:
            r = self.fused(r, z, self.constant(c))
        h = builder.fmul(builder.fmul(self.constant(0.5), f), f)
        small = self.fused(s, self.fused(z, r, h), builder.fmul(n, self.constant(low)))
        rest = builder.fsub(builder.fsub(h, small), f)
        found = builder.fsub(builder.fmul(n, self.constant(high)), rest)
        # The bits of a NaN would pass for a number.
        return builder.fadd(found, builder.fsub(x, x))

    def sum_in_double(self, x: Any, y: Any) -> Any:
        """The sum of x y over the lanes."""
        builder = self.builder
        if self.bytes == 4:
            wide = ir.VectorType(ir.DoubleType(), self.lanes)
            x, y = builder.fpext(x, wide), builder.fpext(y, wide)
        return self.fold(builder.fmul(x, y), builder.fadd)

    def _floor(self, x: Any) -> Any:
        return self.call("llvm.floor.{}", [x])

    def call(self, name: str, arguments: list[Any], result: Any = None) -> Any:
        """One of LLVM's own functions on such vectors."""
        kind = ir.FunctionType(result or self.vector, [value.type for value in arguments])
        full = name.format(f"v{self.lanes}f{8 * self.bytes}")
        function = cgutils.get_or_insert_function(self.builder.module, kind, full)
        return self.builder.call(function, arguments)
