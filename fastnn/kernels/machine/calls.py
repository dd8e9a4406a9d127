"""Calls by address, and of other object code."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I8P = ir.IntType(8).as_pointer()
_I64 = ir.IntType(64)


@intrinsic
def call_run(typingctx: Any, function: Any, context_address: Any, state: Any, work: Any, w: Any):
    """Call `function(context, state, work, worker)` by its address."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I64, _I8P, _I8P, _I64])
        target = builder.inttoptr(args[0], kind.as_pointer())
        arenas = [builder.inttoptr(a, _I8P) for a in args[2:4]]
        builder.call(target, [args[1], *arenas, args[4]])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), codegen


def outside(name: str) -> Any:
    """An intrinsic `f(arguments)`: calls a C function of other object code, that returns nothing.

    Its arguments, a tuple, are numbers and pointers.
    """

    @intrinsic
    def call(typingctx: Any, arguments: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            given = cgutils.unpack_tuple(builder, args[0])
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), given)
            return context.get_dummy_value()

        return types.void(arguments), codegen

    return call


@intrinsic
def call_elementwise(typingctx: Any, function: Any, a: Any, b: Any, c: Any, n: Any) -> Any:
    """Call a user's `function(a, b, c, n)` on three arrays of n elements by its address."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I8P, _I8P, _I8P, _I64])
        target = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(target, [builder.bitcast(p, _I8P) for p in args[1:4]] + [args[4]])
        return context.get_dummy_value()

    return types.void(types.int64, a, b, c, types.int64), codegen


@intrinsic
def call_loss(typingctx: Any, function: Any, z: Any, n: Any, t: Any, m: Any, dz: Any) -> Any:
    """Call a user's loss of one sample by its address: z and dz (n,), target (m,) -> value."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.DoubleType(), [_I8P, _I64, _I8P, _I64, _I8P])
        target = builder.inttoptr(args[0], kind.as_pointer())
        z, n, t, m, dz = args[1:]
        z, t, dz = (builder.bitcast(p, _I8P) for p in (z, t, dz))
        return builder.call(target, [z, n, t, m, dz])

    return types.float64(types.int64, z, types.int64, t, types.int64, dz), codegen
