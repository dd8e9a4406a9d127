"""One decorator for every kernel: how it is compiled is decided here, once.

Numba optimises a function by itself, then again inside each of its callers, and emits machine code
for all of them. A kernel here is only translated; `object_code` links all that its functions call,
optimises it once, and emits it for a processor.

Of Numba's own pipeline it uses what `numba_parts` names.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils

from fastnn.kernels.machine.numba_parts import (
    Compiler,
    FixupArgs,
    GenericRewrites,
    IRProcessing,
    JITCodeLibrary,
    Lower,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
    ReconstructSSA,
    RewriteSemanticConstants,
    TranslateByteCode,
    rtsys,
)
from fastnn.kernels.machine.target import Target

if config.DISABLE_JIT:
    raise RuntimeError(
        "NUMBA_DISABLE_JIT is set, and fastnn's kernels are not compiled yet: run fastnn warmup "
        "once without it; afterwards they are read from the disk, in runs for coverage too"
    )

# Not nnan or ninf: a NaN must stay visible.
FAST = {"reassoc", "contract", "nsz"}
EXACT = {"contract", "nsz"}


class _NoEnvironment:
    """A kernel raises nothing and prints nothing: it needs no link to its Python globals."""

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing to do."""


class LinkedLibrary(JITCodeLibrary):
    """Code that exists to be linked into other code: neither optimised nor emitted."""

    _whole: Any = None

    @property
    def codegen(self) -> Any:
        """Where a finished function would be registered."""
        return _NoEnvironment()

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Nothing is linked in: a callee would be copied into each of its callers, and theirs."""
        self._raise_if_finalized()
        self._finalized = True

    def add_linking_library(self, library: Any) -> None:
        """Kernels own no memory: Numba's counting of references is not linked in."""
        if library is not rtsys.library:
            super().add_linking_library(library)

    def _get_module_for_linking(self) -> Any:
        """The code of this kernel and of all that it calls, each of them once."""
        if self._whole is None:
            self._whole = self._own_module().clone()
            seen, waiting = {self}, list(self._linking_libraries)
            while waiting:
                library = waiting.pop()
                if library in seen:
                    continue
                seen.add(library)
                linked = isinstance(library, LinkedLibrary)
                module = library._own_module() if linked else library._get_module_for_linking()
                self._whole.link_in(module, preserve=True)
                waiting += library._linking_libraries if linked else ()
        return self._whole

    def _own_module(self) -> Any:
        return super()._get_module_for_linking()

    def get_pointer_to_function(self, name: str) -> int:
        """A kernel has no address; only compiled code calls it."""
        return 0


class _Lower(Lower):
    """Kernels own no memory: nothing counts references."""

    def incref(self, typ: Any, val: Any) -> None:
        """Nothing is counted."""

    def decref(self, typ: Any, val: Any) -> None:
        """Nothing is counted."""

    def debug_print(self, msg: str) -> None:
        """Nobody reads it."""


class _Lowering(NativeLowering):
    """Numba's last pass, which writes LLVM's language."""

    @property
    def lowering_class(self) -> Any:
        """What writes it."""
        return _Lower


PASSES = (
    TranslateByteCode, FixupArgs, IRProcessing, RewriteSemanticConstants, GenericRewrites,
    ReconstructSSA, NopythonTypeInference, PreLowerStripPhis, _Lowering, NoPythonBackend,
)  # fmt: skip
"""What kernels need of Numba's passes: they have no closures, comprehensions, literals, contexts or
parfors, and delete nothing."""


class _Pipeline:
    """Numba's passes, one after the other, without what it notes of each."""

    pipeline_name = "kernel"

    def __init__(self) -> None:
        self.exec_times: dict[str, Any] = {}

    def run(self, state: Any) -> None:
        """Compile one kernel."""
        for kind in PASSES:
            kind().run_pass(state)


class KernelCompiler(Compiler):
    """Numba's compiler with a shorter list of passes, writing into a `LinkedLibrary`."""

    def compile_extra(self, func: Callable) -> Any:
        """Compile one kernel."""
        self.state.library = LinkedLibrary(self.state.targetctx.codegen(), func.__qualname__)
        return super().compile_extra(func)

    def define_pipelines(self) -> list[Any]:
        """The one list of passes."""
        return [_Pipeline()]


def _compile(fn: Callable, flags: set[str]) -> Callable:
    compiled: Any = njit(
        nogil=True,
        error_model="numpy",
        fastmath=flags,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        pipeline_class=KernelCompiler,
    )(fn)
    by_type = compiled.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        # Numba would compile once more for each literal that a caller writes.
        return by_type([types.unliteral(a) for a in args], kws)

    compiled.get_call_template = get_call_template
    return compiled


def kernel(fn: Callable) -> Callable:
    """Compile a kernel, called by compiled code only: it may reorder its sums."""
    return _compile(fn, FAST)


def exact_kernel(fn: Callable) -> Callable:
    """Compile a kernel whose roundings cancel on purpose: its sums keep their order."""
    return _compile(fn, EXACT)


def object_code(functions: dict[str, tuple[Any, tuple[types.Type, ...]]], target: Target) -> bytes:
    """Object code of kernels that return nothing, as C functions of these names.

    Parameters
    ----------
    functions : dict
        Name -> kernel, and types of its arguments: numbers and pointers.
    target : Target
    """
    with _no_collection():
        module = _linked(functions)
        writer = target.writer()
        module.triple, module.data_layout = writer.triple, str(writer.target_data)
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = True
        options.slp_vectorization = False
        builder = llvm.create_pass_builder(writer, options)
        builder.getModulePassManager().run(module, builder)
        # Only now: what is internal and has one caller would be inlined whatever its size, and
        # loops in so large a function are optimised less.
        for function in module.functions:
            if not function.is_declaration and function.name not in functions:
                function.linkage = "internal"
        for place in module.global_variables:
            if not place.is_declaration:
                place.linkage = "internal"
        return writer.emit_object(module)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Compilation makes millions of small objects, and hardly any garbage."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _linked(functions: dict[str, tuple[Any, tuple[types.Type, ...]]]) -> Any:
    """A module of the functions and of all that they call."""
    doors, modules = ir.Module("doors"), []
    for name in ("NRT_incref", "NRT_decref"):
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        ir.IRBuilder(ir.Function(doors, kind, name).append_basic_block()).ret_void()
    for name, (kernel, arguments) in functions.items():
        kernel.compile(arguments)
        result = kernel.overloads[arguments]
        _write_door(doors, name, result)
        modules.append(result.library._get_module_for_linking())
    linked = llvm.parse_assembly(str(doors))
    for module in modules:
        linked.link_in(module, preserve=True)
    linked.verify()
    return linked


def _write_door(module: Any, name: str, result: Any) -> None:
    """A C function that calls a kernel.

    Kernels never raise, and nobody looks at their status; under NUMBA_BOUNDSCHECK an index beyond
    an array ends the process.
    """
    described, context = result.fndesc, result.target_context
    kinds = [context.get_value_type(kind) for kind in described.argtypes]
    door = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    builder = ir.IRBuilder(door.append_basic_block())
    callee = context.declare_function(module, described)
    status, _ = context.call_conv.call_function(
        builder, callee, described.restype, described.argtypes, door.args
    )
    if config.BOUNDSCHECK:
        with cgutils.if_unlikely(builder, status.is_error):
            nothing = ir.FunctionType(ir.VoidType(), [])
            builder.call(module.declare_intrinsic("llvm.trap", (), nothing), [])
    builder.ret_void()
