"""Model files: whole or not at all, and every damage is found before anything is built."""

import errno
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

import fastnn
from fastnn import Checkpoint, Dense, ModelFileError, Sequential, Softmax
from fastnn.datasets import load_iris
from fastnn.files import persistence
from fastnn.files.persistence import pack
from fastnn.files.whole import write_whole


@pytest.fixture(scope="module")
def small():
    """The bytes of a small trained model."""
    import tempfile

    model = Sequential([Dense(2), Softmax()], seed=0)
    model.compile("adam")
    model.fit(np.eye(2), [0, 1], epochs=2, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m")
        model.save(path)
        with open(path, "rb") as file:
            return file.read()


def refused(data, path):
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"is no whole model file|holds no model"):
        fastnn.load(path)


def test_every_prefix_is_refused(small, tmp_path):
    for n in range(len(small)):
        refused(small[:n], tmp_path / "m")
    refused(small + b"\0", tmp_path / "m")


def flips(data, bits):
    for bit in bits:
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def test_every_flipped_bit_is_found(small, tmp_path):
    n = 8 * len(small)
    # All of the header's first bytes, and every 13th bit of the rest; all of them at night.
    for data in flips(small, [*range(600), *range(600, n, 13)]):
        refused(data, tmp_path / "m")


@pytest.mark.nightly
def test_every_single_flipped_bit_is_found(small, tmp_path):
    for data in flips(small, range(8 * len(small))):
        refused(data, tmp_path / "m")


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "m"
    for data in (b"", b"\0" * 7, b"PK\3\4" + b"x" * 1000, os.urandom(5000), b"\xff" * 100):
        refused(data, path)
    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="another program"):
        fastnn.load(path)
    with pytest.raises(ModelFileError):
        fastnn.load(_header(path, "[" * 100_000))


def _header(path, text, body=b""):
    data = text.encode()
    path.write_bytes(struct.pack("<Q", len(data)) + data + body)
    return path


def test_sizes_are_checked_before_memory_is_taken(tmp_path):
    claim = 10**15
    entry = {"dtype": "F32", "shape": [claim], "data_offsets": [0, 4 * claim]}
    text = json.dumps({"__metadata__": {"fastnn": "{}", "sha256": "0" * 64}, "0.W": entry})
    with pytest.raises(ModelFileError, match=r"has \d+ bytes and should have 4000000000000"):
        fastnn.load(_header(tmp_path / "m", text))
    (tmp_path / "m").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(ModelFileError, match="does not begin"):
        fastnn.load(tmp_path / "m")


def test_whole_files_that_claim_too_much_are_refused(tmp_path, small):
    from fastnn.files.persistence import unpack

    (tmp_path / "m").write_bytes(small)
    tensors, description = unpack(tmp_path / "m")
    wide = [{**description["layers"][0], "units": 10**13}, *description["layers"][1:]]
    for change in (
        {"layers": wide},
        {"layers": [{"class": "Popen", "args": "true"}]},
        {"layers": [{"class": "Dense"}]},
        {"layers": 3},
        {"network": {}},
        {"seed": -1},
        {"columns": ["loss"] * 50},
        {"init": {"bit_generator": "PCG64"}},
    ):
        (tmp_path / "m").write_bytes(pack(tensors, {**description, **change}))
        with pytest.raises(ModelFileError, match="holds no model"):
            fastnn.load(tmp_path / "m")


def test_a_later_version_says_so(tmp_path, small, monkeypatch):
    monkeypatch.setattr(persistence, "VERSION", 7)
    (tmp_path / "m").write_bytes(pack({}, {"fastnn": "9.1"}))
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match=r"written by fastnn 9\.1.*update fastnn"):
        fastnn.load(tmp_path / "m")


FAILING = ["open", "fdopen", "fsync", "replace"]


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_the_old_file(name, code, tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(path, b"old")
    calls = []

    def fail(*arguments, **settings):
        calls.append(name)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(OSError, match=r"\[Errno"):
        write_whole(path, b"a new text")
    monkeypatch.undo()
    assert calls
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


HALF_WAY = """
import pathlib, resource, sys
from fastnn.files.whole import write_whole
path = pathlib.Path(sys.argv[1])
write_whole(path, b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for size in (4097, 100_000, 5_000_000):
    try:
        write_whole(path, bytes(size))
    except OSError as error:
        assert "File too large" in str(error)
    else:
        raise SystemExit("it was written")
"""


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path):
    pytest.importorskip("resource")
    # A write takes what fits, the next one fails; so does each other file of the process.
    subprocess.run([sys.executable, "-c", HALF_WAY, tmp_path / "file"], check=True)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_model(tmp_path):
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True
    )
    if mount.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        path = tmp_path / "m"
        model = Sequential([Dense(3)], seed=0).build(4)
        model.save(path)
        with pytest.raises(OSError, match="No space"):
            Sequential([Dense(200)], seed=0).build(200).save(path)
        assert os.listdir(tmp_path) == ["m"]
        np.testing.assert_array_equal(fastnn.load(path).get_weights()[0], model.get_weights()[0])
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_permissions_are_those_of_any_new_file_or_of_the_old_one(tmp_path):
    path, plain = tmp_path / "m", tmp_path / "plain"
    before = os.umask(0o027)
    try:
        write_whole(path, b"1")
        plain.write_bytes(b"1")
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode) == 0o640
        path.chmod(0o600)
        write_whole(path, b"2")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


TRAIN = """
import sys, fastnn
from fastnn import Checkpoint, Dense, Sequential, Softmax
from fastnn.datasets import load_iris
X, y = load_iris()
folder = sys.argv[1]
try:
    model = fastnn.load(Checkpoint.latest(folder))
except FileNotFoundError:
    model = Sequential([Dense(40), Dense(3), Softmax()], seed=0)
    model.compile("adam")
def ready(model, history):
    if not started:
        started.append(print("ready", flush=True))
started = []
saving = Checkpoint(folder, every_steps=2, best="loss")
model.fit(X, y, epochs=10**6, callbacks=[saving, ready], verbose=0)
"""


def kill_while_saving(folder, times, rng):
    """A process that does nothing but save is killed; what it leaves must load, and not go back."""
    reached = 0
    for _ in range(times):
        command = [sys.executable, "-c", TRAIN, str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for path in folder.glob("*.safetensors"):
            fastnn.load(path)
        if any(folder.glob("0*.safetensors")):
            model = fastnn.load(Checkpoint.latest(folder))
            assert model.epoch >= reached
            reached = model.epoch
    return reached


def test_a_killed_process_leaves_whole_files(tmp_path):
    assert kill_while_saving(tmp_path, 3, np.random.default_rng(0)) > 0


@pytest.mark.nightly
def test_two_hundred_killed_processes_leave_whole_files(tmp_path):
    reached = kill_while_saving(tmp_path, 200, np.random.default_rng(1))
    X, y = load_iris()
    whole = Sequential([Dense(40), Dense(3), Softmax()], seed=0)
    whole.compile("adam")
    whole.fit(X, y, epochs=reached, verbose=0)
    model = fastnn.load(sorted(tmp_path.glob("0*"))[-1])
    if model.epoch == whole.epoch and model._network.partial is None:
        np.testing.assert_array_equal(model.predict(X), whole.predict(X))
