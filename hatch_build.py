"""Builds a wheel of one platform, with compiled kernels, where FASTNN_WHEEL_FOR names a machine.

``FASTNN_WHEEL_FOR=x86_64 python -m build`` (or aarch64); without it, the wheel is for all
platforms, and compiles on the user's machine.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "FASTNN_WHEEL_FOR"
LEVELS = {"x86_64": ("x86-64-v3", "x86-64-v4"), "aarch64": ("aarch64",)}


def platform_of(machine: str) -> str:
    """The wheel's platform tag: the code calls a few functions that every C library has."""
    if sys.platform == "win32":
        return {"x86_64": "win_amd64", "aarch64": "win_arm64"}[machine]
    if sys.platform == "darwin":
        return {"x86_64": "macosx_11_0_x86_64", "aarch64": "macosx_11_0_arm64"}[machine]
    return f"manylinux_2_17_{machine}"


class CustomBuildHook(BuildHookInterface):
    """Adds object code to a wheel."""

    def dependencies(self) -> list[str]:
        """What compiling needs, where something is compiled."""
        if not os.environ.get(SWITCH):
            return []
        return [d for d in self.metadata.core.dependencies if d.startswith(("numba", "numpy"))]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile each level in a process of its own, at the same time."""
        machine = os.environ.get(SWITCH)
        if not machine:
            return
        if machine not in LEVELS:
            raise ValueError(f"{SWITCH} is {machine!r}; expected one of {', '.join(LEVELS)}")
        self.folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "fastnn.kernels.shipping", self.folder.name]
        started = [subprocess.Popen([*command, level], cwd=self.root) for level in LEVELS[machine]]
        if any([process.wait() for process in started]):
            raise RuntimeError("the kernels do not compile; what Numba says stands above")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_of(machine)}"
        for path in Path(self.folder.name).iterdir():
            build_data["force_include"][str(path)] = f"fastnn/kernels/shipped/{path.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The files are in the wheel."""
        if hasattr(self, "folder"):
            self.folder.cleanup()
