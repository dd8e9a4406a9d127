"""Files and screens on other systems: Windows' text modes, open files, locks and consoles."""

import errno
import io
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import Checkpoint, CSVLog, Dense, History, JSONLog, Progress, Sequential, Softmax
from fastnn.files import locks, whole
from fastnn.inputs import paths, screens
from fastnn.tune.board import Board

TESTS = Path(__file__).parent
X, Y = np.eye(2), [0, 1]


def network():
    model = Sequential([Dense(2), Softmax()], seed=0)
    model.compile("adam")
    return model


@pytest.mark.parametrize("flag", [0, 1 << 20])
def test_files_are_opened_as_bytes_where_there_is_text(tmp_path, monkeypatch, flag):
    usual, flags = os.open, []

    def opened(path, flag, *rest):
        flags.append(flag)
        return usual(path, flag & ~(1 << 20), *rest)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(whole, "_BINARY", flag)
    whole.write_whole(tmp_path / "m", b"\n")
    written = [f for f in flags if f & os.O_WRONLY]
    assert [f & (1 << 20) for f in written] == [flag]


def refusing(monkeypatch, times):
    """Windows, where a file is held so many times."""
    usual, left = os.replace, [times]

    def replace(one, other):
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(errno.EACCES, "in use", str(one))
        usual(one, other)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(whole, "WAITS", (0, 0))


def test_a_file_that_is_held_for_a_moment_is_replaced(tmp_path, monkeypatch):
    (tmp_path / "m").write_bytes(b"old")
    refusing(monkeypatch, 2)
    whole.write_whole(tmp_path / "m", b"new")
    assert (tmp_path / "m").read_bytes() == b"new"


def test_a_file_that_stays_held_is_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "m").write_bytes(b"old")
    refusing(monkeypatch, 3)
    with pytest.raises(PermissionError, match="a program has it open") as caught:
        whole.write_whole(tmp_path / "m", b"new")
    assert caught.value.filename == str(tmp_path / "m")
    assert os.listdir(tmp_path) == ["m"]
    assert (tmp_path / "m").read_bytes() == b"old"


def test_a_directory_that_refuses_is_not_taken_for_an_open_file(tmp_path, monkeypatch):
    refusing(monkeypatch, 3)
    with pytest.raises(PermissionError, match="in use"):
        whole.write_whole(tmp_path / "m", b"new")
    assert os.listdir(tmp_path) == []


def test_training_goes_on_where_an_old_checkpoint_is_held(tmp_path, monkeypatch):
    def unlink(*args, **kwargs):
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(Path, "unlink", unlink)
    network().fit(X, Y, epochs=3, verbose=0, callbacks=[Checkpoint(tmp_path, keep=1)])
    assert len(os.listdir(tmp_path)) == 3
    monkeypatch.undo()
    network().fit(X, Y, epochs=1, verbose=0, callbacks=[Checkpoint(tmp_path, keep=1)])
    assert len(os.listdir(tmp_path)) == 1


def test_a_long_path_is_named_as_the_cause(tmp_path, monkeypatch):
    path = tmp_path.joinpath(*["d" * 60] * 4, "m")
    for system, expected in (("win32", True), (sys.platform, False)):
        monkeypatch.setattr(sys, "platform", system)
        for call in (fastnn.load, paths.check_writable, network().save):
            args = (path,)
            with pytest.raises(FileNotFoundError) as caught:
                call(*args)
            assert ("Windows finds none of more than 259" in str(caught.value)) is expected
    assert not paths.too_long(Path("m"))


# --- locks ----------------------------------------------------------------------------------


def test_a_file_is_locked_once(tmp_path):
    with open(tmp_path / "f", "ab", 0) as one, open(tmp_path / "f", "ab", 0) as other:
        locks.lock(one)
        with pytest.raises(BlockingIOError):
            locks.lock(other)
        one.close()
        locks.lock(other)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EDEADLK])
def test_windows_locks_a_byte_far_behind(tmp_path, monkeypatch, code):
    calls = []

    def locking(handle, mode, size):
        calls.append((os.lseek(handle, 0, os.SEEK_CUR), mode, size))
        if len(calls) > 1:
            raise OSError(code, "locked")

    msvcrt = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    with open(tmp_path / "f", "a+b", 0) as file:
        file.write(b"abc")
        locks.lock(file)
        assert calls == [(2**31 - 2, 2, 1)]
        assert file.tell() == 0
        with pytest.raises(BlockingIOError):
            locks.lock(file)
    assert (tmp_path / "f").read_bytes() == b"abc"


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(errno.ENOLCK, "no locks")

    fcntl = types.SimpleNamespace(flock=flock, LOCK_EX=2, LOCK_NB=4)
    for module in (fcntl, None):
        monkeypatch.setitem(sys.modules, "fcntl", module)
        monkeypatch.setitem(sys.modules, "msvcrt", None)
        with open(tmp_path / "f", "ab", 0) as one, open(tmp_path / "f", "ab", 0) as other:
            locks.lock(one)
            locks.lock(other)


# --- screens --------------------------------------------------------------------------------


def console(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding, newline="\n")


def größe_λ(prediction, target):
    return 0.5


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii", "utf-8"])
def test_a_console_shows_what_it_can(encoding):
    out = console(encoding)
    model = Sequential([Dense(2), Softmax()], seed=0)
    model.compile("adam", metrics=[größe_λ])
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[Progress(out)])
    out.flush()
    shown = out.buffer.getvalue().decode(encoding)
    assert "epoch 1/1" in shown
    assert "0.5000" in shown
    assert ("λ" in shown) is (encoding in ("utf-8",)), shown


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_tables_are_printed_to_any_console(encoding, monkeypatch):
    out = console(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    screens.say("ŷ ± 1")
    board = Board({}, 3, 1, "größe_λ", float("inf"), verbose=1, stream=out)
    board.say("größe_λ")
    out.flush()
    assert "\\u0177" in out.buffer.getvalue().decode(encoding)
    assert "\\u03bb" in out.buffer.getvalue().decode(encoding)


def test_a_program_without_a_console_trains(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    model = network()
    for verbose in ("auto", 0, 1):
        model.fit(X, Y, epochs=1, verbose=verbose)
    model.summary()
    assert model.epoch == 3


def test_lines_end_alike_on_all_systems(tmp_path, monkeypatch):
    """Python's text mode writes what the system's lines end in; what fastnn writes does not."""
    asked = []
    usual = open

    def opened(file, mode="r", *args, newline=None, **kwargs):
        asked.append((mode, newline))
        return usual(file, mode, *args, newline=newline, **kwargs)

    monkeypatch.setattr("builtins.open", opened)
    history = History()
    history.append(1, {"loss": 0.5})
    history.to_jsonl(tmp_path / "h")
    network().fit(
        X, Y, epochs=1, verbose=0, callbacks=[JSONLog(tmp_path / "j"), CSVLog(tmp_path / "c")]
    )
    written = [newline for mode, newline in asked if "b" not in mode and set(mode) & set("wa")]
    assert written[:2] == ["\n", "\n"]
    assert None not in written
