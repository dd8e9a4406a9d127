"""What the compiler makes of the kernels, counted: here, and for processors that are not here."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

import fastnn
from fastnn.kernels.loop import door
from fastnn.kernels.machine import cache

COUNT = r"""
import json, re, sys
import llvmlite.binding as llvm
import numpy as np
from fastnn.kernels.machine import target

target.choose(target.level(sys.argv[1]))
found = []

def emit(writer, module):
    writer.set_asm_verbosity(True)
    found.append((str(module), writer.emit_assembly(module)))
    return b""

llvm.TargetMachine.emit_object = emit
from fastnn.kernels.loop.entries import functions
from fastnn.kernels.machine.jit import object_code
for part in ("loop", "apart"):
    object_code(functions(part, np.dtype("float32")), target.current())

masked = frame = spilled = 0
blocks, name = set(), ""
for code, assembly in found:
    masked += len(re.findall(r"call [^\n]*@llvm\.masked\.", code))
    for line in assembly.splitlines():
        label = re.match(r'"?(_Z\w+|fastnn_\w+)', line)
        name = label[1] if label else name
        taken = re.search(r"\bsubq?\s+(?:\$(\d+), %rsp|sp, sp, #(\d+)(, lsl #12)?)", line)
        if taken:
            frame = max(frame, int(taken[1] or taken[2]) * (4096 if taken[3] else 1))
        if "micro" in name and "_strip" in name:
            blocks.add(name)
            kept = re.search(r"\b(?:q|[yz]mm)\d+\b.*Folded (?:Spill|Reload)", line)
            spilled += kept is not None
print(json.dumps([masked, frame, spilled, len(blocks)]))
"""
MASKED = {"aarch64": 4, "x86-64-v3": 85, "x86-64-v4": 280}
"""Loads and stores of a part of a vector: where the processor has none, each becomes branches."""
FRAME = 420_000
"""Bytes: threads other than the first have 512 KB of stack on macOS."""


@pytest.mark.nightly
@pytest.mark.parametrize("level", MASKED)
def test_blocks_stay_in_registers_and_vectors_are_whole(level):
    command = [sys.executable, "-c", COUNT, level]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    masked, frame, spilled, blocks = json.loads(done.stdout)
    assert blocks >= 4, "the kernels of products are found by their names"
    assert spilled == 0, "a sum of a block of a product leaves its register"
    assert masked <= MASKED[level]
    assert 0 < frame <= FRAME


def test_kernels_are_functions_of_their_own():
    """Made internal before LLVM's passes, those with one caller are inlined: 32 are left of 87.

    In functions so large loops are optimised less: digits took 1.7 times as long.
    """
    fastnn.warmup()
    code = door._shipped(np.dtype(np.float32)) or cache.read("float32")
    names = set(re.findall(rb"\0_?(_ZN6fastnn7kernels[^\0]+)", code))
    assert len(names) >= 50
