"""The processor that kernels are compiled for: this one, or a level that many have.

This file needs no Numba, so that a process which only loads kernels does not import it, and LLVM
only where something is compiled or loaded.
"""

import os
import platform
import sys
from functools import cache
from typing import Any, NamedTuple


class Level(NamedTuple):
    """What all processors of a level have, in LLVM's names."""

    machine: str
    cpu: str
    features: str


def _all(names: str) -> str:
    return ",".join(f"+{name}" for name in names.split())


def _names(features: str) -> list[str]:
    return [feature[1:] for feature in features.split(",")]


_V3 = "avx avx2 bmi bmi2 f16c fma lzcnt movbe"
LEVELS = {
    "x86-64-v4": Level(
        "x86_64", "x86-64-v4", _all(f"{_V3} avx512f avx512bw avx512cd avx512dq avx512vl")
    ),
    "x86-64-v3": Level("x86_64", "x86-64-v3", _all(_V3)),
    "aarch64": Level("aarch64", "generic", _all("neon")),
}
"""Levels for which a wheel can bring object code; of one machine, the best first."""


TRIPLES = {
    ("x86_64", "linux"): "x86_64-unknown-linux-gnu",
    ("aarch64", "linux"): "aarch64-unknown-linux-gnu",
    ("aarch64", "darwin"): "arm64-apple-macosx11.0.0",
    ("x86_64", "win32"): "x86_64-pc-windows-msvc",
    ("aarch64", "win32"): "aarch64-pc-windows-msvc",
}
"""Machines and systems, by Python's names for these, that a wheel can be made for."""


class Target(NamedTuple):
    """A processor, as the kernels see it."""

    machine: str
    triple: str
    cpu: str
    features: str

    def has(self, feature: str) -> bool:
        """Whether it has a feature, by LLVM's name."""
        return f"+{feature}" in self.features.split(",")

    @property
    def intel(self) -> bool:
        """Whether it understands x86."""
        return self.machine == "x86_64"

    @property
    def system(self) -> str:
        """Its operating system, by Python's name: kernels call some of its functions."""
        for word, name in (("windows", "win32"), ("apple", "darwin"), ("linux", "linux")):
            if word in self.triple:
                return name
        return sys.platform

    @property
    def vector(self) -> int:
        """Bytes of a vector."""
        if all(map(self.has, _names(LEVELS["x86-64-v4"].features))):
            return 64
        return 32 if self.has("avx") else 16

    @property
    def registers(self) -> int:
        """Number of vector registers."""
        return 32 if self.vector == 64 or not self.intel else 16

    @property
    def fuses(self) -> bool:
        """Whether it multiplies and adds in one instruction."""
        return self.has("fma") or not self.intel

    def writer(self) -> Any:
        """What writes object code for it, an `llvmlite.binding.TargetMachine`."""
        llvm = initialized()
        return llvm.Target.from_triple(self.triple).create_target_machine(
            cpu=self.cpu, features=self.features, opt=3, jit=True, codemodel="jitdefault",
            reloc="static" if self.intel else "default",
        )  # fmt: skip


def machine() -> str:
    """This computer's kind of processor: x86_64, aarch64 or another, the same on all systems."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


@cache
def initialized() -> Any:
    """`llvmlite.binding`, ready to write code, for other processors too."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm


@cache
def host() -> Target:
    """This processor, or what NUMBA_CPU_NAME and NUMBA_CPU_FEATURES take it for, as in Numba."""
    llvm = initialized()
    cpu = os.environ.get("NUMBA_CPU_NAME", llvm.get_host_cpu_name())
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        plain = cpu.lower() == "generic"
        features = "" if plain else llvm.get_host_cpu_features().flatten()
    return Target(machine(), llvm.get_process_triple(), cpu, features)


def level(name: str, system: str | None = None) -> Target:
    """A level, on this operating system or another one of `TRIPLES`."""
    found, here = LEVELS[name], host()
    system = system or here.system
    own = (found.machine, system) == (machine(), here.system)
    triple = here.triple if own else TRIPLES[found.machine, system]
    return Target(found.machine, triple, found.cpu, found.features)


def levels_here() -> list[str]:
    """The levels that this processor has, the best first."""
    return [
        name
        for name, found in LEVELS.items()
        if found.machine == machine()
        # All processors of 64-bit ARM have NEON, whatever their list says.
        and (machine() != "x86_64" or all(map(host().has, _names(found.features))))
    ]


_chosen: list[Target] = []


def choose(target: Target) -> None:
    """Compile for this target, from here on in this process; before any kernel is imported."""
    if _chosen:
        raise RuntimeError("the kernels are made for another processor already")
    _chosen.append(target)


def current() -> Target:
    """The target of this process, by default its own processor."""
    if not _chosen:
        _chosen.append(host())
    return _chosen[0]


def system() -> str:
    """The operating system of the target."""
    return current().system
