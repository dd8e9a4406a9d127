"""Benchmarks held to an instruction set: every library of a process keeps to it."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers import isa

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ASK = """
import json, faulthandler
faulthandler.enable()
import llvmlite.binding as llvm
from numpy._core._multiarray_umath import __cpu_features__
features = llvm.get_host_cpu_features()
numpy = sorted(k for k, v in __cpu_features__.items() if v and "512" in k)
print(json.dumps([features["avx2"], features.get("avx512f", False), numpy]))
"""


def conf():
    from asv.config import Config

    return Config.load(str(BENCHMARKS.with_name("asv.conf.json")))


@pytest.mark.skipif(
    not (isa.has_avx512() and isa.can_be_told()), reason="no AVX-512 to hide, or no way to hide it"
)
def test_a_process_held_to_avx2_finds_no_avx512():
    command = [sys.executable, "-m", "benchmarks.peers.isa", "avx2", sys.executable, "-c", ASK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [True, False, []]


def test_a_set_that_the_processor_lacks_is_refused():
    with pytest.raises(ValueError, match="no AVX-512"):
        isa.environment("avx512", wide=False)
    assert isa.environment("native") == {}


def test_without_avx512_nothing_needs_to_be_hidden():
    held = isa.environment("avx2", wide=False)
    assert "LD_PRELOAD" not in held
    assert held["NUMBA_CPU_NAME"] == "x86-64-v3"
    assert isa.JAX["avx2"] in held["XLA_FLAGS"].split("=")[-1]
    assert set(held).isdisjoint(os.environ) or os.environ.get("XLA_FLAGS", "") in held["XLA_FLAGS"]


def test_asv_can_import_what_it_looks_through():
    installed = {
        "benchmarks",
        "fastnn",
        "numba",
        "numpy",
        "scipy",
        "threadpoolctl",
        "pandas",
        "sklearn",
    }
    imports = [
        name.split(".")[0]
        for path in BENCHMARKS.glob("*.py")
        for node in ast.parse(path.read_text()).body
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom)
            else [one.name for one in getattr(node, "names", [])]
        )
    ]  # fmt: skip
    assert set(imports) <= installed | sys.stdlib_module_names
    assert conf().matrix["req"].keys() == {"pandas", "scikit-learn"}


def test_asv_runs_each_benchmark_as_the_processor_is_and_held_to_avx2():
    from asv.environment import iter_matrix

    found = [
        {name: value for (kind, name), value in one.items() if kind == "env_nobuild"}
        for one in iter_matrix("virtualenv", ["3"], conf())
    ]
    held = isa.environment("avx2", wide=False)
    assert found == [{}, {name: held[name] for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")}]
