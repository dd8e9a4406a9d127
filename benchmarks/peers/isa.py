"""``python -m benchmarks.peers.isa SET COMMAND...``: run a command held to an instruction set.

Here are the means to hold every library to one, and to ask each which it runs.

Libraries read these variables once, when they are imported. JAX's holds what XLA compiles, not its
matrix products, which come ready-made and ask the processor. So where the system lets programs be
told another processor's features (Linux on processors whose `flags` list `cpuid_fault`), all of a
process is told that there is no AVX-512; elsewhere a column of AVX2 on a processor with AVX-512
compares our AVX2 with JAX's AVX-512 in the products, and the table says so.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("native", "avx2", "avx512")
JAX = {"avx2": "AVX2", "avx512": "AVX512"}
OURS = {"avx2": "x86-64-v3", "avx512": "x86-64-v4"}
SOURCE = Path(__file__).with_name("without_avx512.c")


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
    from fastnn.kernels.machine.target import LEVELS

    level = LEVELS[OURS[isa]]
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa={JAX[isa]}".strip()
    held = {
        "XLA_FLAGS": flags,
        "ATEN_CPU_CAPABILITY": isa,
        "ONEDNN_MAX_CPU_ISA": "AVX2" if isa == "avx2" else "AVX512_CORE",
        "OPENBLAS_CORETYPE": "Haswell" if isa == "avx2" else "SkylakeX",
        "NUMBA_CPU_NAME": level.cpu,
        "NUMBA_CPU_FEATURES": level.features,
    }
    if isa == "avx2" and wide:
        if can_be_told():
            held["LD_PRELOAD"] = library()
        else:
            held["NPY_DISABLE_CPU_FEATURES"] = numpy_names()
    return held


def can_be_told():
    """Whether a process here can be told that its processor has no AVX-512."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "cpuid_fault" in flags.read_text() and bool(shutil.which("cc"))


def library():
    """The path of a library that tells it to the process it is preloaded into; gone at exit."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = os.path.join(folder, f"{SOURCE.stem}.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", made, SOURCE, "-ldl"], check=True)
    return made


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
    if not told:
        return "its own choice"
    return held.split()[0] + (
        "" if not has_avx512() or held.startswith("AVX5") else ", products free"
    )


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


def main():
    isa, *command = sys.argv[1:] or [None]
    if isa not in NAMES or not command:
        sys.exit(f"{__doc__.splitlines()[0]} SET: {', '.join(NAMES)}")
    sys.exit(subprocess.run(command, env={**os.environ, **environment(isa)}).returncode)


if __name__ == "__main__":
    main()
