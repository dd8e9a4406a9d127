"""One decorator for every kernel: how it is compiled is decided here, once.

Numba optimises a function by itself, then again inside each of its callers, and emits machine code
for all of them. A kernel here is only translated; it is optimised and emitted once, inside the
entry point that it is linked into. That is a fifth of the compile time, for the same code.
"""

from collections.abc import Callable
from typing import Any

from llvmlite.binding import Linkage
from numba import njit, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

# Not nnan or ninf: a NaN must stay visible.
FAST = {"reassoc", "contract", "nsz"}
EXACT = {"contract", "nsz"}


class _NoEnvironment:
    """A kernel raises nothing and prints nothing: it needs no link to its Python globals."""

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing to do."""


class LinkedLibrary(JITCodeLibrary):
    """Code that exists to be linked into an entry point: neither optimised nor emitted."""

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
        self._finalize_final_module()

    def _own_module(self) -> Any:
        return super()._get_module_for_linking()

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
                self._reload_init.update(library._reload_init)
                linked = isinstance(library, LinkedLibrary)
                module = library._own_module() if linked else library._get_module_for_linking()
                self._whole.link_in(module, preserve=True)
                waiting += library._linking_libraries if linked else ()
        return self._whole

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """A kernel has no address; only compiled code calls it."""
        return 0


class EntryLibrary(JITCodeLibrary):
    """Code that is called from outside, optimised once with all that is linked into it."""

    def _optimize_final_module(self) -> None:
        # Numba optimises twice, to find pairs of reference counts; kernels count none.
        manager, builder = self._codegen._module_pass_manager()
        manager.run(self._final_module, builder)
        # A kernel that another process compiled, and this one read from the disk, may have the
        # name of a different one compiled here; the loader would take the first for both.
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal


class KernelCompiler(Compiler):
    """Numba's pipeline, writing into a `LinkedLibrary`."""

    library: type[JITCodeLibrary] = LinkedLibrary

    def compile_extra(self, func: Callable) -> Any:
        """Compile one kernel."""
        codegen = self.state.targetctx.codegen()
        self.state.library = self.library(codegen, func.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(func)


class EntryCompiler(KernelCompiler):
    """Numba's pipeline, writing into an `EntryLibrary`."""

    library = EntryLibrary


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
