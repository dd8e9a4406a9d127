"""All that is used of Numba which it does not document, by name.

A new version may change any of it: `tests/test_numba_parts.py` says what.
"""

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.dispatcher import Dispatcher
from numba.core.lowering import Lower
from numba.core.runtime import rtsys
from numba.core.typed_passes import (
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import (
    FixupArgs,
    GenericRewrites,
    IRProcessing,
    ReconstructSSA,
    RewriteSemanticConstants,
    TranslateByteCode,
)
from numba.np.ufunc.parallel import _launch_threads as launch_threads

__all__ = [
    "Compiler", "Dispatcher", "FixupArgs", "GenericRewrites", "IRProcessing", "JITCodeLibrary",
    "Lower", "NativeLowering", "NoPythonBackend", "NopythonTypeInference", "PreLowerStripPhis",
    "ReconstructSSA", "RewriteSemanticConstants", "TranslateByteCode", "launch_threads", "rtsys",
]  # fmt: skip
