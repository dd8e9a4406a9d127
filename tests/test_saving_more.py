"""Saving: what a file must hold to the bit, and forged files whose digest is right."""

import errno
import hashlib
import os

import numpy as np
import pytest
from safetensors.numpy import save

import fastnn
from fastnn import (
    SGD,
    Adam,
    Callback,
    CSVLog,
    Dense,
    JSONLog,
    ModelFileError,
    Sequential,
    Softmax,
    initializers,
    schedules,
)
from fastnn.datasets import load_iris
from fastnn.files import persistence
from fastnn.model.saving import portrait

X, y = load_iris()


def network(optimizer=None, first=None):
    model = Sequential([first or Dense(8), "relu", Dense(3), Softmax()], seed=0)
    model.compile(optimizer or Adam(1e-2), metrics=["accuracy"])
    return model


def through_a_file(model, path):
    model.save(path)
    return fastnn.load(path)


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_every_schedule_is_kept(name, tmp_path):
    given = {"Piecewise": ((2, 4), (0.1, 0.01, 0.001)), "Constant": (0.1,)}.get(name, (0.1, 10))
    schedule = schedules.SCHEDULES[name](*given)
    model = through_a_file(network(SGD(schedule)), tmp_path / "m")
    assert model._setup.optimizer.learning_rate == schedule


def test_a_built_model_needs_no_functions_to_draw_weights(tmp_path):
    layers = [Dense(8, init=lambda r, i, o: r.normal(size=(i, o))), Dense(3, init=np.ones((8, 3)))]
    model = Sequential(layers, seed=0).build(4)
    twin = through_a_file(model, tmp_path / "m")
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_fastnns_own_initializers_are_kept(tmp_path):
    model = network(first=Dense(8, init=initializers.Orthogonal(2.0)))
    model.fit(X, y, verbose=0)
    assert through_a_file(model, tmp_path / "m").layers[0].init == initializers.Orthogonal(2.0)


def test_one_model_gives_the_same_bytes(tmp_path):
    model, files = network(), set()
    model.fit(X, y, verbose=0)
    for _ in range(8):
        model.save(tmp_path / "m")
        files.add((tmp_path / "m").read_bytes())
    assert len(files) == 1


def test_a_slot_of_negative_zeros_is_kept(tmp_path):
    model = network()
    model.fit(X, y, verbose=0)
    state, layout = model._network.state, model._network.layout
    state.values[layout.n_parameters :][layout.parameters[-1].slice] = -0.0
    twin = through_a_file(model, tmp_path / "m")
    assert twin._network.state.values.tobytes() == state.values.tobytes()


class BreakOff(Callback):
    every_steps = 3

    def on_steps_end(self, model, fraction):
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def broken_off():
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, batch_size=16, callbacks=[BreakOff()], verbose=0)
    assert model.step <= 3
    return model


def test_memory_that_nobody_has_written_to_is_not_saved(broken_off):
    tensors, _ = portrait(broken_off)
    done = broken_off._network.partial.done
    assert len(tensors["partial.losses"]) == done
    assert len(tensors["partial.outputs"]) == 16 * done


def setting(*path, to):
    def change(tensors, description):
        place = description
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


def array(name, to):
    def change(tensors, description):
        tensors[name] = to(tensors[name])

    return change


FORGED = {
    "outputs of few rows": array("partial.outputs", lambda a: a[:1]),
    "outputs of another type": array("partial.outputs", lambda a: a.astype(np.float64)),
    "narrow outputs": array("partial.outputs", lambda a: a[:, :1]),
    "losses": array("partial.losses", lambda a: a[:0]),
    "order": array("partial.order", lambda a: a.astype(np.int32)),
    "norms": array("partial.norms", lambda a: a[:0]),
    "many steps done": setting("network", "partial", 2, to=99),
    "less than no steps done": setting("network", "partial", 2, to=-5),
    "a slot": array("0.W.slot_1", lambda a: a[:1, :1]),
    "step": setting("network", "step", to=-3),
    "factor": setting("network", "learning_rate_factor", to="nan"),
    "loss": setting("setup", "loss", to={"class": "optimizers.Adam"}),
    "optimizer": setting("setup", "optimizer", to=3),
    "clip_norm": setting("setup", "clip_norm", to="x"),
    "version": setting("version", to=None),
}


@pytest.mark.parametrize("forged", FORGED)
def test_forged_files_are_refused_by_load(forged, broken_off, tmp_path):
    tensors, description = portrait(broken_off)
    FORGED[forged](tensors, description)
    (tmp_path / "m").write_bytes(persistence.pack(tensors, description))
    with pytest.raises(ModelFileError):
        fastnn.load(tmp_path / "m")


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 200_000, '{"version": ' + "1" * 5000 + "}"])
def test_a_description_that_is_none_is_refused(text, tmp_path):
    zeros = persistence.NO_DIGEST
    entry = f'{{"sha256": "{zeros}", ' + text[1:] if text.startswith('{"') else text
    data = save({}, {"fastnn": entry, "sha256": zeros})
    digest = hashlib.sha256(data).hexdigest().encode()
    (tmp_path / "m").write_bytes(data.replace(zeros.encode(), digest))
    with pytest.raises(ModelFileError):
        fastnn.load(tmp_path / "m")


def test_what_is_no_plain_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, match in (("pipe", "no regular file"), ("folder", "a directory")):
        with pytest.raises(OSError, match=match):
            network().save(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


def test_errors_name_the_users_file(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="directory does not exist") as caught:
        network().save(tmp_path / "none" / "m")
    assert caught.value.filename == str(tmp_path / "none" / "m")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        network().save(tmp_path / "m")
    assert caught.value.filename == str(tmp_path / "m")


def test_a_write_protected_file_stays(tmp_path, monkeypatch):
    (tmp_path / "m").write_bytes(b"precious")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="write-protected"):
        network().save(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == b"precious"


@pytest.mark.parametrize("log", [CSVLog, JSONLog])
def test_a_log_that_was_cut_off_goes_on_in_a_new_line(log, tmp_path):
    path, model = tmp_path / "log", network()
    model.fit(X, y, epochs=2, callbacks=[log(path)], verbose=0)
    path.write_bytes(path.read_bytes().rstrip())
    before = path.read_text().splitlines()
    model.fit(X, y, callbacks=[log(path)], verbose=0)
    assert path.read_text().splitlines()[:-1] == before


def test_another_file_is_no_log(tmp_path):
    (tmp_path / "notes.csv").write_text("my notes\nkeep\n")
    with pytest.raises(ValueError, match="no log of CSVLog"):
        network().fit(X, y, callbacks=[CSVLog(tmp_path / "notes.csv")], verbose=0)
    assert (tmp_path / "notes.csv").read_text() == "my notes\nkeep\n"
