"""A part of the kernels is compiled by another process; where that fails, by this one."""

import sys

import numpy as np
import pytest

from fastnn.kernels.loop import beside, door, entries
from fastnn.kernels.machine import objects, target

FLOAT32 = np.dtype("float32")
ANSWER = "import sys; print('a greeting'); from fastnn.kernels.loop.beside import answer; answer"


@pytest.fixture
def possible(monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: 2)


def compilation(monkeypatch, command):
    monkeypatch.setattr(beside, "_COMMAND", command)
    return beside.Compilation("apart", "float32", target.current())


def test_the_answer_of_the_other_process_is_taken(monkeypatch, possible):
    with compilation(monkeypatch, f"{ANSWER}('apart', 'float32', b'code')") as other:
        assert other.result() == b"code"


@pytest.mark.parametrize(
    "command",
    [
        "raise SystemExit(1)",
        "print('nothing of use')",
        f"{ANSWER}('apart', 'float64', b'code')",
        f"{ANSWER}('loop', 'float32', b'code')",
    ],
)
def test_what_is_no_answer_is_not_taken(monkeypatch, possible, command):
    with compilation(monkeypatch, command) as other:
        assert other.result() is None


def test_the_other_process_ends_with_this_compilation(monkeypatch, possible):
    with compilation(monkeypatch, "import time; time.sleep(1000)") as other:
        assert other.process.poll() is None
    assert other.process.poll() is not None


@pytest.mark.parametrize("executable", ["", None, "/usr/bin/uwsgi", "C:/Program Files/blender.exe"])
def test_a_program_with_a_python_inside_is_not_started_again(monkeypatch, possible, executable):
    monkeypatch.setattr(sys, "executable", executable)
    with compilation(monkeypatch, "raise SystemExit(1)") as other:
        assert other.process is None
        assert other.result() is None


def test_a_frozen_program_is_not_started_again(monkeypatch, possible):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert not beside.is_possible()


def test_one_processor_compiles_alone(monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: 1)
    assert not beside.is_possible()


def test_a_python_that_cannot_be_started(monkeypatch, possible, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    with compilation(monkeypatch, "raise SystemExit(1)") as other:
        assert other.result() is None


@pytest.mark.parametrize("answered", [b"there", None])
def test_what_the_other_did_not_compile_is_compiled_here(monkeypatch, answered):
    asked = []

    def object_code(functions, target):
        asked.append(sorted(functions))
        return b"here"

    monkeypatch.setattr(entries, "object_code", object_code)
    monkeypatch.setattr(beside.Compilation, "result", lambda self: answered)
    monkeypatch.setattr(beside, "is_possible", lambda: False)
    code = door.compiled(FLOAT32)
    assert list(objects.parts(code)) == [b"here", answered or b"here"]
    assert len(asked) == (1 if answered else 2)
    assert "fastnn_loop" in asked[0]


def test_the_command_reaches_the_compiler(monkeypatch, possible):
    """All but the compilation itself, which every test with an empty cache goes through."""
    stand_in = (
        "from fastnn.kernels.loop import entries; "
        "entries.object_code = lambda functions, target: repr((sorted(functions), target)).encode()"
    )
    first, kept, last = beside._COMMAND.rpartition("from fastnn.kernels.loop.entries")
    with compilation(monkeypatch, f"{first}{stand_in}; {kept}{last}") as other:
        found = other.result()
    expected = sorted(entries.functions("apart", FLOAT32)), target.current()
    assert found == repr(expected).encode()
