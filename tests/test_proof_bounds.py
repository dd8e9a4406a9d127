"""Whatever a table says, nothing is written outside its arenas: canaries lie round every buffer."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from counts import counts

from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Members,
    PeriodicEmbedding,
    PiecewiseLinearEncoding,
    ReLU,
    Scale,
    Softmax,
    Standardize,
    losses,
)
from fastnn.engine import buffers, context
from fastnn.engine.layout import Layout
from fastnn.engine.plan import Program
from fastnn.engine.predictions import PredictRun
from fastnn.engine.steps import StepsRun
from fastnn.inputs.rows import Rows
from fastnn.training.building import draw_weights

ROOT = Path(__file__).resolve().parents[1]
GUARD, LINE, CANARY = 1 << 16, 64, 0xA5
ROWS = 24


class Guarded:
    """Arenas between canaries, of which a cache line at the end may be read, not written."""

    def __init__(self):
        self.raw = []

    def arena(self, n, dtype):
        size = n * np.dtype(dtype).itemsize
        raw = np.full(2 * GUARD + size + LINE, CANARY, np.uint8)
        start = GUARD + -(raw.ctypes.data + GUARD) % LINE
        inside = raw[start : start + size]
        inside[:] = 0
        self.raw.append((raw, start, size))
        return inside.view(dtype)

    def check(self):
        for raw, start, size in self.raw:
            assert (raw[:start] == CANARY).all(), "written below an arena"
            assert (raw[start + size :] == CANARY).all(), "written above an arena"


NETWORKS = [
    ([Standardize(), Dense(5), BatchNorm(), ReLU(), Dropout(0.2), Dense(3), Softmax()],
     losses.CrossEntropy(), Adam()),
    ([Scale(), Dense(40, l2=0.1), "tanh", Dense(6)], losses.Pinball(quantiles=(0.1, 0.5, 0.9)),
     SGD(0.01, momentum=0.9)),
    ([Dense(17), BatchNorm(), "elu", Dense(9), BatchNorm(), "gelu", Dense(1), "sigmoid"],
     losses.BinaryCrossEntropy(), Adam()),
    ([Dense(130), ReLU(), Dense(2)], losses.Huber(), Adam()),
    ([Dense(3), Members(3), Dense(40), Scale(bias=True), ReLU(), Dense(3, shared=False), Softmax()],
     losses.CrossEntropy(), Adam()),
    ([Members(2), Dense(5), BatchNorm(), Dense(3), Softmax()], losses.MSE(), Adam()),
    ([PeriodicEmbedding(3, 5, start=1, stop=3), Scale(), Members(2), PeriodicEmbedding(2, 3),
      Dense(9), ReLU(), Dense(3), Softmax()], losses.CrossEntropy(), Adam()),
    ([Standardize(), PiecewiseLinearEncoding(((-1, 0, 2), (), (0, 1), ())), Dense(9), ReLU(),
      Dense(3), Softmax()], losses.CrossEntropy(), Adam()),
    ([PeriodicEmbedding(2, 3, stop=1), Embedding(5, 3, column=2), Embedding(2, 1), Scale(),
      Dense(9), ReLU(), Dense(3), Softmax()], losses.CrossEntropy(), Adam()),
]  # fmt: skip


def made(rng):
    """A program, and rows that it can train on."""
    from fastnn.training.building import as_layers

    layers, loss, optimizer = NETWORKS[rng.integers(len(NETWORKS))]
    layout = Layout(as_layers(layers), 4)
    clips = bool(rng.integers(2))
    program = Program(layout, ROWS, loss, frozen=int(rng.integers(2)), clip_norm=clips)
    X = rng.normal(size=(2 * ROWS, 4)).astype("f4")
    labels = isinstance(loss, losses.CrossEntropy)
    n = program.n_targets
    y = rng.integers(0, n, 2 * ROWS) if labels else rng.random((2 * ROWS, n)).astype("f4")
    return program, optimizer, Rows(X, True, y, labels)


def odd(rng, value, size):
    """Another number in place of one of a table."""
    ways = [
        value + rng.integers(-3, 4), value * 2, -value, -1, 0, 1, size, size - 1,
        rng.integers(-64, size + 64), 2**31, 2**40, 2**62, -(2**62), value + 16, value - 16,
    ]  # fmt: skip
    return int(np.clip(ways[rng.integers(len(ways))], -(2**63), 2**63 - 1))


def change(rng, program, given):
    """Change a number or two of a program's tables, or of what a run is given."""
    size = program.n_work
    for _ in range(1 + rng.geometric(0.7) // 2):
        way = rng.integers(10)
        table = program.ops if way < 5 else program.tasks
        if way < 8:
            row = table[rng.integers(len(table))]
            field = table.dtype.names[rng.integers(len(table.dtype.names))]
            row[field] = odd(rng, int(row[field]), size if way < 5 else 8)
        elif way == 8:
            name = ("targets", "weights", "gradient", "n_targets", "n_fused", "rows", "n_chunks",
                    "phase_ends")[rng.integers(8)]  # fmt: skip
            if name == "phase_ends":
                ends = program.phase_ends
                ends[rng.integers(len(ends))] += rng.integers(-2, 3)
            else:
                setattr(program, name, odd(rng, getattr(program, name), size))
        else:
            name = ("order", "bounds", "y")[rng.integers(3)]
            array = given[name].reshape(-1)
            at = rng.integers(len(array))
            array[at] = odd(rng, int(array[at]), 2 * ROWS)


def attempt(rng, monkeypatch):
    """Run a changed table; whether it was let in."""
    program, optimizer, rows = made(rng)
    program.tasks, program.phase_ends = program.tasks.copy(), program.phase_ends.copy()
    assert program.scratch  # by the sound ops
    given = {
        "order": rng.permutation(2 * ROWS), "y": rows.y.copy(),
        "bounds": np.array([0, ROWS, 2 * ROWS]),
    }  # fmt: skip
    change(rng, program, given)
    guarded = Guarded()
    monkeypatch.setattr(buffers, "arena", guarded.arena)
    monkeypatch.setattr(context, "arena", guarded.arena)
    state = buffers.State(program.layout, np.dtype("f4"))
    draw_weights(state, np.random.default_rng(0))
    if program.layout.layers[0].kind == Standardize().kind:
        state.fit_moments(np.zeros(4), np.ones(4))
    rows = Rows(rows.X, True, given["y"], rows.labels)
    try:
        settings = {"optimizer": optimizer.kind, **optimizer.settings(), "clip_norm": 1.0}
        run = StepsRun(program, state, settings, 0, 1)
        n_out = program.layout.widths[program.n_fused]
        outputs = guarded.arena(2 * ROWS * n_out, "f4").reshape(-1, n_out)
        rates = np.full(2, 0.01)
        run.steps(rows, given["order"], given["bounds"], rates, 0, outputs)
        predicting = copy.copy(program)
        PredictRun(predicting, state, 1).evaluate(rows, given["order"])
    except (ValueError, OverflowError):
        return False
    finally:
        guarded.check()
    return True


@counts(2_000, 50_000)
def test_no_table_writes_outside_its_arenas(count, monkeypatch):
    rng, accepted = np.random.default_rng(count), 0
    for _ in range(count):
        # Each has its own, which would be kept until the end of the test.
        with monkeypatch.context() as patch:
            accepted += attempt(rng, patch)
    assert 0.02 * count < accepted < 0.9 * count


def test_canaries_find_what_is_written_outside():
    guarded = Guarded()
    inside = guarded.arena(10, "f4")
    guarded.check()
    for raw, start, size in guarded.raw:
        for at in (start - 1, start + size):
            raw[at] ^= 1
            with pytest.raises(AssertionError, match="an arena"):
                guarded.check()
            raw[at] ^= 1
    assert inside.ctypes.data % LINE == 0


@counts(40, 2_000)
def test_sound_programs_of_any_size_keep_to_their_arenas(count, monkeypatch):
    """Of odd widths and rows, with and without copies for the products, in both types."""
    rng = np.random.default_rng(count)
    for _ in range(count):
        dtype = np.dtype(rng.choice(["f4", "f8"]))
        widths = rng.choice([1, 2, 3, 7, 8, 15, 17, 33, 64, 65, 130, 257], 3)
        rows_in, n_in = int(rng.choice([2, 3, 5, 16, 31, 64, 129])), int(widths[0])
        layers = [Dense(int(widths[1])), BatchNorm(), ReLU(), Dense(int(widths[2]))]
        if rng.integers(2):
            last = Dense(int(widths[2]), shared=bool(rng.integers(2)))
            layers = [Members(3), *layers[:2], Scale(bias=True), ReLU(), last]
        program = Program(Layout(layers, n_in), rows_in, losses.MSE())
        guarded = Guarded()
        monkeypatch.undo()
        monkeypatch.setattr(buffers, "arena", guarded.arena)
        monkeypatch.setattr(context, "arena", guarded.arena)
        state = buffers.State(program.layout, dtype)
        draw_weights(state, rng)
        X = rng.normal(size=(rows_in, n_in)).astype(dtype)
        rows = Rows(X, True, rng.normal(size=(rows_in, int(widths[2]))).astype(dtype))
        adam = Adam()
        run = StepsRun(program, state, {"optimizer": adam.kind, **adam.settings()}, 0, 2)
        for threads in (1, 2):
            order, bounds = np.arange(rows_in), np.array([0, rows_in])
            run.steps(rows, order, bounds, np.array([1e-3]), 0, threads=threads)
        plain = Program(Layout(layers, n_in), rows_in, losses.MSE(), keeps_copies=False)
        PredictRun(plain, state, 2).evaluate(rows)
        guarded.check()


PLANTED = """
import ctypes, sys
import numpy as np
from numba import types
from fastnn.kernels.machine.jit import kernel, object_code
from fastnn.kernels.machine.memory import array_at
from fastnn.kernels.machine.objects import load
from fastnn.kernels.machine.target import current

@kernel
def inner(array, at):
    array[at] = 1

@kernel
def write(address, at):
    inner(array_at(address, (4,), np.int64), at)

code = object_code({"write": (write, (types.int64, types.int64))}, current())
room = np.zeros(8, np.int64)
call = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(load([code], ["write"])[0])
call(room.ctypes.data, int(sys.argv[1]))
print(room.sum())
"""


@pytest.mark.parametrize(("checks", "at", "found"), [(1, 3, "1"), (1, 4, ""), (0, 4, "1")])
def test_bounds_checks_end_a_process_that_writes_outside(checks, at, found):
    done = subprocess.run(
        [sys.executable, "-c", PLANTED, str(at)], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"NUMBA_BOUNDSCHECK": str(checks)},
    )  # fmt: skip
    assert done.stdout.strip() == found, done.stderr
    assert (done.returncode == 0) == bool(found)


@pytest.mark.nightly
def test_the_kernels_with_bounds_checks_on(tmp_path):
    """Numba's own checks of every index, in a process and a cache of their own.

    Blocks of vectors are written by address, and have no checks: canaries are for them.
    """
    tests = ["tests/test_ops.py", "tests/test_batchnorm.py", "tests/test_softmax.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *tests], cwd=ROOT, capture_output=True,
        text=True, env=os.environ | {"NUMBA_BOUNDSCHECK": "1", "FASTNN_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
