"""Session: change course, go back to the bit, branch, and go on in another process."""

import json
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from test_continue import BreakOff, assert_same

from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    DivergenceError,
    Dropout,
    EarlyStopping,
    ReduceOnPlateau,
    ReLU,
    Sequential,
    Session,
    Softmax,
)
from fastnn.datasets import load_digits
from fastnn.session import keeper

matplotlib.use("Agg")
X, y = load_digits()


def network(optimizer=None):
    model = Sequential([Dense(24), BatchNorm(), ReLU(), Dropout(0.1), Dense(10), Softmax()], seed=4)
    model.compile(optimizer or Adam(2e-3), metrics=["accuracy"])
    return model


@pytest.fixture
def begun(tmp_path):
    with_session = Session(network(), X, y, directory=tmp_path / "s", validation_split=0.2)
    yield with_session
    with_session.close()


def plain(epochs):
    model = network()
    model.fit(X, y, epochs, validation_split=0.2, verbose=0)
    return model


def test_a_session_trains_as_fit_does(begun):
    history = begun.run(3)
    assert history is begun.model.history
    begun.run(2)
    assert_same(begun.model, plain(5))


def test_a_ruinous_learning_rate_is_undone_to_the_bit(begun):
    begun.run(5)
    begun.set(learning_rate=100.0, dropout=0.9, batch_size=8)
    begun.run(3)
    assert begun.model.history["loss"][-1] > 2
    begun.rollback(to=5)
    assert_same(begun.model, plain(5))
    assert begun.model._setup.optimizer == Adam(2e-3)
    assert begun.model.layers[3] == Dropout(0.1)
    begun.run(2)
    assert_same(begun.model, plain(7))


@pytest.mark.parametrize("to", [0, 1, 4, 7, -1, -9])
def test_any_epoch_can_be_gone_back_to(begun, to):
    begun.run(4)
    begun.run(5)
    begun.rollback(to)
    epoch = to if to >= 0 else 9 + to
    if epoch:
        assert_same(begun.model, plain(epoch))
    begun.run(9 - epoch)
    assert_same(begun.model, plain(9))


def test_rollbacks_nest(begun):
    begun.run(4)
    begun.set(learning_rate=1e-4)
    begun.run(4)
    begun.rollback(to=6)
    at_six = begun.model.predict(X)
    begun.run(3)
    begun.rollback(to=2)
    assert_same(begun.model, plain(2))
    assert begun.model._setup.optimizer.learning_rate == 2e-3
    begun.run(2)
    begun.set(learning_rate=1e-4)
    begun.run(2)
    np.testing.assert_array_equal(begun.model.predict(X), at_six)


def test_branches_are_lives_of_their_own(begun):
    begun.run(3)
    begun.branch("bold")
    begun.set(learning_rate=0.02)
    begun.run(2)
    bold = begun.model.predict(X)
    begun.switch("main")
    assert begun.model._setup.optimizer.learning_rate == 2e-3
    assert begun.model.epoch == 3
    begun.run(4)
    assert_same(begun.model, plain(7))
    assert begun.branches == {"main": 7, "bold": 5}
    begun.switch("bold")
    np.testing.assert_array_equal(begun.model.predict(X), bold)
    begun.rollback(to=1)
    assert_same(begun.model, plain(1))
    with pytest.raises(ValueError, match="already"):
        begun.branch("main")
    with pytest.raises(ValueError, match="main, bold"):
        begun.switch("timid")


def test_what_callbacks_do_to_the_rate_is_gone_back_over(begun):
    whole = network()
    reduce = {"factor": 0.5, "patience": 1, "min_delta": 0.2}
    seen = {}

    def look(model, history):
        seen[model.epoch] = model.get_weights()

    whole.fit(
        X, y, 12, validation_split=0.2, callbacks=[ReduceOnPlateau(**reduce), look], verbose=0
    )
    begun.run(12, callbacks=[ReduceOnPlateau(**reduce)])
    assert_same(begun.model, whole)
    assert whole.learning_rate_factor < 0.2
    for epoch in (10, 7, 5):
        begun.rollback(to=epoch)
        for now, then in zip(begun.model.get_weights(), seen[epoch], strict=True):
            np.testing.assert_array_equal(now, then)


def test_early_stopping_within_a_session(begun):
    stopping = EarlyStopping("val_loss", patience=3)
    begun.set(learning_rate=0.05)
    begun.run(100, callbacks=[stopping])
    assert begun.model.epoch == stopping.stopped_epoch < 100
    score = begun.model.history["val_loss"][stopping.best_epoch - 1]
    assert score == min(begun.model.history["val_loss"])
    begun.rollback(to=stopping.best_epoch)
    assert begun.model.epoch == stopping.best_epoch


def test_a_run_that_is_broken_off_goes_on_in_mid_epoch(begun):
    begun.run(2)
    with pytest.raises(KeyboardInterrupt):
        begun.run(4, callbacks=[BreakOff(100)])
    begun.close()
    again = Session.resume(begun.directory, X, y)
    assert again.model.step == 100
    again.run(4 - again.model.epoch)
    again.rollback(to=3)
    assert_same(again.model, plain(3))
    again.run(2)
    assert_same(again.model, plain(5))
    again.close()


def test_divergence_is_saved_and_gone_back_from(tmp_path):
    model = Sequential([Dense(10)], seed=0)
    model.compile(SGD(0.01), loss="mse")
    targets = np.eye(10)[y]
    begun = Session(model, X, targets, directory=tmp_path)
    begun.run(3)
    weights = begun.model.get_weights()
    begun.set(learning_rate=1e6)
    with pytest.raises(DivergenceError):
        begun.run(3)
    begun.rollback(to=3)
    np.testing.assert_array_equal(begun.model.get_weights()[0], weights[0])
    assert begun.model._setup.optimizer.learning_rate == 0.01
    begun.run(1)
    begun.close()


def test_another_process_goes_on(begun):
    begun.run(2)
    begun.set(learning_rate=1e-3)
    begun.close()
    code = (
        "import sys, json; from fastnn import Session; from fastnn.datasets import load_digits;"
        "X, y = load_digits(); s = Session.resume(sys.argv[1], X, y); s.run(2);"
        "w = float(abs(s.model.get_weights()[0]).sum()); s.rollback(to=1);"
        "print(json.dumps([w, s.model.history['loss'], len(s.journal)]))"
    )
    command = [sys.executable, "-c", code, str(begun.directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    total, losses, _ = json.loads(done.stdout)
    twin = plain(2)
    assert losses == twin.history["loss"][:1]
    twin.compile(Adam(1e-3), metrics=["accuracy"])
    twin.fit(X, y, 2, validation_split=0.2, verbose=0)
    assert total == float(np.abs(twin.get_weights()[0]).sum())


def test_the_journal_tells_what_was_done_and_when(begun):
    begun.run(2)
    begun.set(learning_rate=1e-3, batch_size=64)
    begun.run(1)
    begun.rollback(-1)
    begun.branch("b")
    told = [(e["event"], e.get("epoch", e.get("epochs"))) for e in begun.journal]
    assert told == [
        ("begin", None), ("run", [0, 2]), ("set", 2), ("run", [2, 3]), ("rollback", 2),
        ("branch", 2),
    ]  # fmt: skip
    assert begun.journal[2]["changes"] == {"learning_rate": 1e-3, "batch_size": 64}
    assert all(e["time"].endswith("+00:00") for e in begun.journal)


def test_a_line_that_a_crash_has_cut_is_dropped(begun):
    begun.run(2)
    begun.close()
    path = begun.directory / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event": "run", "epo')
    again = Session.resume(begun.directory, X, y)
    assert again.model.epoch == 2
    again.run(1)
    again.close()
    path.write_bytes(b"nonsense\n" + whole)
    with pytest.raises(ValueError, match=r"line 1 of .* is damaged"):
        Session.resume(begun.directory, X, y)


def test_a_long_run_is_saved_now_and_then(begun, monkeypatch):
    monkeypatch.setattr(keeper, "SAVE_SECONDS", 0)
    monkeypatch.setattr(keeper, "SAVE_SHARE", 0)
    before = len(list(begun.directory.glob("*.safetensors")))
    begun.run(4)
    assert len(list(begun.directory.glob("*.safetensors"))) == before + 5


def test_wrong_beginnings_are_refused(begun, tmp_path):
    with pytest.raises(FileExistsError, match=r"Session\.resume"):
        Session(network(), X, y, directory=begun.directory)
    with pytest.raises(RuntimeError, match="open already"):
        Session.resume(begun.directory, X, y)
    begun.close()
    with pytest.raises(ValueError, match="X is not that of the session; pass the same rows"):
        Session.resume(begun.directory, X[::-1], y)
    with pytest.raises(FileNotFoundError, match="holds no session"):
        Session.resume(tmp_path, X, y)
    with pytest.raises(ValueError, match="not compiled"):
        Session(Sequential([Dense(1)]), X, y, directory=tmp_path / "t")
    with pytest.raises(TypeError, match='takes no "batchsize"; did you mean "batch_size"'):
        Session(network(), X, y, directory=tmp_path / "t", batchsize=3)
    again = Session.resume(begun.directory, X, y)
    with pytest.raises(ValueError, match="rollback to epoch 3"):
        again.rollback(to=3)
    again.close()


def test_the_picture_shows_the_life_with_its_interventions(begun):
    from matplotlib import pyplot

    begun.run(5)
    begun.set(learning_rate=10.0)
    begun.run(3)
    begun.rollback(to=5)
    begun.set(learning_rate=1e-3)
    begun.branch("slow")
    begun.run(2)
    begun.switch("main")
    begun.run(4)
    axes = begun.plot()
    texts = [t.get_text() for t in axes[0].texts]
    assert any("back from 8 (learning_rate 10), learning_rate 0.001" in t for t in texts), texts
    labels = axes[0].get_legend_handles_labels()[1]
    assert {"left behind at 8", "slow"} <= set(labels)
    pyplot.close("all")
