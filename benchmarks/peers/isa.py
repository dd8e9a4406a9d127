"""Instruction sets: hold every library to one, and ask each which it runs.

Libraries read these variables once, when they are imported. What they do not name is limited by
other means, or it is the processor's own choice. JAX's limit holds what XLA compiles, not its
matrix products, which come ready-made and run the widest set: on a processor with AVX-512 a column
of AVX2 compares our AVX2 with its AVX-512 in the products. Measure AVX2 where there is no more.
"""

import os

NAMES = ("native", "avx2", "avx512")
JAX = {"avx2": "AVX2", "avx512": "AVX512"}
OURS = {"avx2": "x86-64-v3", "avx512": "x86-64-v4"}
LEVEL = "FASTNN_BENCH_LEVEL"


def has_avx512():
    """Whether this processor has AVX-512."""
    import llvmlite.binding as llvm

    return bool(llvm.get_host_cpu_features().get("avx512f"))


def environment(isa, wide=None):
    """The variables that hold each library to an instruction set; of `native` none.

    `wide`: whether the processor has AVX-512, so that there is something to switch off.
    """
    if isa == "native":
        return {}
    wide = has_avx512() if wide is None else wide
    if isa == "avx512" and not wide:
        raise ValueError("--isa avx512: this processor has no AVX-512; it runs avx2 and native")
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa={JAX[isa]}".strip()
    held = {
        "XLA_FLAGS": flags,
        "ATEN_CPU_CAPABILITY": isa,
        "ONEDNN_MAX_CPU_ISA": "AVX2" if isa == "avx2" else "AVX512_CORE",
        "OPENBLAS_CORETYPE": "Haswell" if isa == "avx2" else "SkylakeX",
        LEVEL: OURS[isa],
    }
    if isa == "avx2" and wide:
        held["NPY_DISABLE_CPU_FEATURES"] = numpy_names()
    return held


def hold_fastnn():
    """Compile our kernels for the set that `environment` names; before any is imported."""
    if name := os.environ.get(LEVEL):
        from fastnn.kernels.machine import target

        target.choose(target.level(name))


def numpy_names():
    """Those of NumPy's dispatched features that are AVX-512 on this processor."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    names = [n for n in __cpu_dispatch__ if n.startswith("AVX512") or n == "X86_V4"]
    return " ".join(name for name in names if __cpu_features__.get(name))


def running(library):
    """The instruction set that a library runs in this process, as it says itself; else as held."""
    ask = {"fastnn": _fastnn, "limit": _blas, "torch": _torch, "sklearn": _blas}
    if library in ask:
        return ask[library]()
    _, told, held = os.environ.get("XLA_FLAGS", "").rpartition("--xla_cpu_max_isa=")
    return f"{held.split()[0]}, products free" if told else "its own choice"


def _fastnn():
    from fastnn.kernels.machine.blocks import VECTOR

    return f"{8 * VECTOR} bits"


def _torch():
    import torch

    return torch.backends.cpu.get_cpu_capability()


def _blas():
    from threadpoolctl import threadpool_info

    kinds = {str(pool.get("architecture")) for pool in threadpool_info() if "blas" in str(pool)}
    return "BLAS " + ", ".join(sorted(kinds))
