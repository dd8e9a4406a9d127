"""What a thread tells and asks the system about the processor that it runs on."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.kernels.machine.target import current

_I8P = ir.IntType(8).as_pointer()
_I64 = ir.IntType(64)


@intrinsic
def relax(typingctx: Any) -> Any:
    """Tell the processor that this thread is spinning."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if current().intel:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(
                cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), []
            )
        elif current().machine == "aarch64":
            # The hint to yield is over at once; a barrier takes as long as a pause of x86 does.
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(32)])
            barrier = cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.isb")
            builder.call(barrier, [ir.Constant(ir.IntType(32), 15)])
        return context.get_dummy_value()

    return types.void(), codegen


_FLUSH = 1 << 15 | 1 << 6
"""Of the register MXCSR: results and operands that are subnormal are zeros."""


@intrinsic
def flush_subnormals(typingctx: Any) -> Any:
    """Let this thread take subnormal numbers for zeros; what `restore_subnormals` is given.

    An Intel processor takes some hundred times as long for them, ARM's and AMD's newer ones do not.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if not current().intel:
            return ir.Constant(_I64, 0)
        place = cgutils.alloca_once(builder, ir.IntType(32))
        _call_on(builder, "llvm.x86.sse.stmxcsr", place)
        before = builder.load(place)
        _load_mode(builder, place, builder.or_(before, ir.Constant(before.type, _FLUSH)))
        return builder.zext(before, _I64)

    return types.int64(), codegen


@intrinsic
def restore_subnormals(typingctx: Any, before: Any) -> Any:
    """End what `flush_subnormals` began."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if current().intel:
            i32 = ir.IntType(32)
            _load_mode(builder, cgutils.alloca_once(builder, i32), builder.trunc(args[0], i32))
        return context.get_dummy_value()

    return types.void(types.int64), codegen


def _load_mode(builder: Any, place: Any, mode: Any) -> None:
    builder.store(mode, place)
    _call_on(builder, "llvm.x86.sse.ldmxcsr", place)


def _call_on(builder: Any, name: str, place: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [_I8P])
    found = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(found, [builder.bitcast(place, _I8P)])


_LINUX = current().system == "linux"
_MASK = 16  # words of 64 processors


@intrinsic
def processor(typingctx: Any) -> Any:
    """Number of the processor that this thread runs on; -1 where the system does not tell."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if not _LINUX:
            return ir.Constant(_I64, -1)
        kind = ir.FunctionType(ir.IntType(32), [])
        found = cgutils.get_or_insert_function(builder.module, kind, "sched_getcpu")
        return builder.sext(builder.call(found, []), _I64)

    return types.int64(), codegen


@intrinsic
def leave_processor(typingctx: Any, number: Any) -> Any:
    """Move this thread to another of its processors; where it may run stays as it was.

    Linux wakes a thread on the processor of the one that wakes it, and takes milliseconds to see
    that another is idle. A processor whose number the mask does not hold is not left.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _LINUX:
            held = builder.icmp_unsigned("<", args[0], ir.Constant(_I64, 64 * _MASK))
            with builder.if_then(held):
                leave(builder, args[0])
        return context.get_dummy_value()

    def leave(builder: Any, number: Any) -> None:
        before, without = (
            cgutils.alloca_once(builder, _I64, size=ir.Constant(_I64, _MASK)) for _ in range(2)
        )
        i32, size = ir.IntType(32), ir.Constant(_I64, 8 * _MASK)
        kind = ir.FunctionType(i32, [i32, _I64, _I8P])
        get, put = (
            cgutils.get_or_insert_function(builder.module, kind, f"sched_{verb}affinity")
            for verb in ("get", "set")
        )
        this, as_bytes = ir.Constant(i32, 0), lambda p: builder.bitcast(p, _I8P)
        for mask in (before, without):
            for k in range(_MASK):
                builder.store(ir.Constant(_I64, 0), builder.gep(mask, [ir.Constant(_I64, k)]))
            builder.call(get, [this, size, as_bytes(mask)])
        word = builder.gep(without, [builder.lshr(number, ir.Constant(_I64, 6))])
        bit = builder.shl(ir.Constant(_I64, 1), builder.and_(number, ir.Constant(_I64, 63)))
        builder.store(builder.and_(builder.load(word), builder.not_(bit)), word)
        moved = builder.call(put, [this, size, as_bytes(without)])
        with builder.if_then(builder.icmp_signed("==", moved, this)):
            builder.call(put, [this, size, as_bytes(before)])

    return types.void(types.int64), codegen


@intrinsic
def give_way(typingctx: Any) -> Any:
    """Let another thread have this processor."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        name = "SwitchToThread" if current().system == "win32" else "sched_yield"
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), codegen
