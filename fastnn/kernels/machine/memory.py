"""Views of bare memory, atomic counters and calls by address."""

from functools import reduce
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.kernels.machine.target import current

_I8P = ir.IntType(8).as_pointer()
_I64 = ir.IntType(64)


@intrinsic
def shift(typingctx: Any, pointer: Any, n: Any) -> Any:
    """Pointer to the element `n` places further on."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), codegen


@intrinsic
def pointer(typingctx: Any, address: Any, number: Any) -> Any:
    """An absolute address as a pointer to numbers of a type, such as `np.float32`."""
    result = types.CPointer(number.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(result))

    return result(types.int64, number), codegen


@intrinsic
def at_address(typingctx: Any, address: Any, like: Any) -> Any:
    """An absolute address as a pointer of the type of another one."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], args[1].type)

    return like(types.int64, like), codegen


@intrinsic
def start_of(typingctx: Any, array: Any) -> Any:
    """Pointer to the first element of an array."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


def local_memory(size: int) -> Any:
    """An intrinsic: `size` bytes on the stack, aligned, as a pointer of the type of another one."""

    @intrinsic
    def local(typingctx: Any, like: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            with builder.goto_entry_block():
                place = builder.alloca(ir.ArrayType(ir.IntType(8), size))
                place.align = 64
            return builder.bitcast(place, args[0].type)

        return like(like), codegen

    return local


def _view(context: Any, builder: Any, kind: Any, data: Any, shape: list[Any]) -> Any:
    """A contiguous array of so many elements, which it does not own."""
    view = context.make_array(kind)(context, builder)
    data = builder.bitcast(data, view.data.type)
    kind = kind.dtype
    size = ir.Constant(_I64, kind.size if isinstance(kind, types.Record) else kind.bitwidth // 8)
    strides = [size]
    for n in shape[:0:-1]:
        strides.insert(0, builder.mul(strides[0], n))
    view.itemsize, view.data = size, data
    view.nitems = reduce(builder.mul, shape)
    view.shape = cgutils.pack_array(builder, shape, ty=_I64)
    view.strides = cgutils.pack_array(builder, strides, ty=_I64)
    view.meminfo = ir.Constant(view.meminfo.type, None)
    view.parent = ir.Constant(view.parent.type, None)
    return view._getvalue()


@intrinsic
def vector(typingctx: Any, base: Any, offset: Any, n: Any) -> Any:
    """View of n elements, `offset` elements after base."""
    kind = types.Array(base.dtype, 1, "C")

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _view(context, builder, kind, builder.gep(args[0], [args[1]]), [args[2]])

    return kind(base, types.int64, types.int64), codegen


@intrinsic
def matrix(typingctx: Any, base: Any, offset: Any, rows: Any, columns: Any) -> Any:
    """View (rows, columns), `offset` elements after base."""
    kind = types.Array(base.dtype, 2, "C")

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _view(context, builder, kind, builder.gep(args[0], [args[1]]), list(args[2:]))

    return kind(base, *[types.int64] * 3), codegen


@intrinsic
def cube(typingctx: Any, base: Any, blocks: Any, rows: Any, columns: Any) -> Any:
    """View (blocks, rows, columns)."""
    kind = types.Array(base.dtype, 3, "C")

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _view(context, builder, kind, args[0], list(args[1:]))

    return kind(base, *[types.int64] * 3), codegen


@intrinsic
def array_at(typingctx: Any, place: Any, shape: Any, dtype: Any) -> Any:
    """View of elements of a dtype, from an absolute address on."""
    kind = types.Array(dtype.dtype, len(shape), "C")

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        sizes = cgutils.unpack_tuple(builder, args[1], len(shape))
        return _view(context, builder, kind, builder.inttoptr(args[0], _I8P), sizes)

    return kind(types.int64, types.UniTuple(types.int64, len(shape)), dtype), codegen


def _counter(context: Any, builder: Any, array_type: Any, array: Any, i: Any) -> Any:
    view = context.make_array(array_type)(context, builder, array)
    return builder.gep(view.data, [i])


@intrinsic
def fetch_add(typingctx: Any, counters: Any, i: Any, amount: Any) -> Any:
    """Add to an int64 counter that threads share; the value before."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _counter(context, builder, sig.args[0], args[0], args[1])
        return builder.atomic_rmw("add", place, args[2], "seq_cst")

    return types.int64(counters, types.intp, types.int64), codegen


@intrinsic
def fetch(typingctx: Any, counters: Any, i: Any) -> Any:
    """Read an int64 counter that threads share."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _counter(context, builder, sig.args[0], args[0], args[1])
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(counters, types.intp), codegen


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
