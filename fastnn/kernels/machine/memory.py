"""Views of bare memory, and atomic counters in it."""

from functools import reduce
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

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
