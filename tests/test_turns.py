"""One model, one fit at a time: who else may do what meanwhile."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastnn
from fastnn import Adam, Callback, Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits
from fastnn.training import turns

X, Y = (part[:512] for part in load_digits())


def network(optimizer="adam"):
    model = Sequential([Dense(16), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile(optimizer)
    return model


def fit(model, epochs=2, **settings):
    return model.fit(X, Y, epochs=epochs, verbose=0, **settings)


def same(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)
    assert one.history["loss"] == other.history["loss"]


@pytest.fixture(params=["adam", "lbfgs"])
def going(request):
    """A model whose fit, on another thread, stands still after its first epoch."""
    model, reached, go_on = network(request.param), threading.Event(), threading.Event()

    def wait(model, history):
        if len(history) == 1:
            reached.set()
            go_on.wait()

    size = None if request.param == "lbfgs" else 32
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(fit, model, callbacks=[wait], batch_size=size)
        reached.wait()
        yield model
        go_on.set()
        done.result()
    undisturbed = network(request.param)
    fit(undisturbed, callbacks=[lambda *_: None], batch_size=size)
    same(model, undisturbed)


CHANGES = {
    "fit": fit,
    "compile": lambda model: model.compile(Adam(0.1)),
    "restore": lambda model: model.restore(model.snapshot()),
    "initialize_from": lambda model: model.initialize_from(network().build(64)),
}


@pytest.mark.parametrize("call", CHANGES)
def test_another_thread_changes_nothing_meanwhile(going, call):
    with pytest.raises(RuntimeError, match=rf"^{call} was called while another thread fits this m"):
        CHANGES[call](going)


def test_another_thread_may_look_meanwhile(going, tmp_path):
    outputs = going.predict(X)
    going.save(tmp_path / "model.safetensors")
    copy = fastnn.load(tmp_path / "model.safetensors")
    assert_array_equal(copy.predict(X), outputs)
    assert (copy.epoch, len(copy.history)) == (1, 1)
    assert len(going.get_weights()) == 4
    going.evaluate(X, Y)


@pytest.mark.parametrize("call", ["fit", "compile", "initialize_from"])
@pytest.mark.parametrize("place", ["on_train_begin", "on_epoch_end", "on_steps_end"])
def test_a_callback_changes_nothing_meanwhile(call, place):
    errors = []

    def change(self, model, *_):
        with pytest.raises(RuntimeError, match=rf"^{call} was called .* by a callback") as found:
            CHANGES[call](model)
        errors.append(found)

    model = network()
    fit(model, callbacks=[type("Changing", (Callback,), {place: change})()])
    assert errors
    plain = network()
    fit(plain)
    same(model, plain)


def test_a_callback_goes_back_at_the_end_of_an_epoch_alone():
    class GoBack(Callback):
        def on_train_begin(self, model, epochs):
            self.start = model.snapshot()

        def on_steps_end(self, model, fraction):
            with pytest.raises(RuntimeError, match=r"restore was called .* by a callback"):
                model.restore(self.start)

        def on_epoch_end(self, model, history):
            model.restore(self.start)

    model = network().build(64)
    before = model.get_weights()
    fit(model, callbacks=[GoBack()])
    assert (model.step, model.epoch) == (0, 2)
    for a, b in zip(model.get_weights(), before, strict=True):
        assert_array_equal(a, b)


def test_a_callback_that_raises_ends_the_turn():
    model = network()
    with pytest.raises(RuntimeError, match=r"^fit was called while this model is being fitted"):
        fit(model, callbacks=[lambda model, history: fit(model)])
    fit(model)
    assert model.epoch == 3


def test_a_turn_counts_as_long_as_its_function_runs():
    model, kept = network(), []

    def broken_off():
        turn = turns.take(model)
        kept.append(turn)

    broken_off()
    fit(model)
    assert model.epoch == 2


def test_many_threads_at_once_leave_one_fit():
    model, start = network().build(64), threading.Barrier(8)

    def try_it(_):
        start.wait()
        try:
            return len(fit(model, 1))
        except RuntimeError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        fits = sum(n > 0 for n in pool.map(try_it, range(8)))
    assert fits >= 1
    plain = network()
    fit(plain, fits)
    assert model.epoch == plain.epoch
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_predictions_meanwhile_are_of_one_moment():
    """Each is what the weights between some two steps give."""
    model = Sequential([Dense(8), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile()
    model.build(64)
    moments = set()

    class Note(Callback):
        every_steps = 1

        def on_steps_end(self, model, fraction):
            moments.add(model.predict(X).tobytes())

    Note().on_steps_end(model, 0.0)
    seen, over = [], threading.Event()

    def look():
        while not over.is_set():
            seen.append(model.predict(X).tobytes())

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            fit(model, 2, callbacks=[Note()])
        finally:
            over.set()
        looking.result()
    assert seen
    assert set(seen) <= moments


def test_an_estimator_is_fitted_by_one_thread():
    pytest.importorskip("sklearn")
    from fastnn.estimators import MLPClassifier

    seen = []

    class Again(MLPClassifier):
        def _known(self, *given):
            seen.append(given)
            with pytest.raises(RuntimeError, match="fit was called while this model is being fit"):
                self.partial_fit(X, Y, classes=np.arange(10))
            return super()._known(*given)

    estimator = Again(max_iter=9, random_state=0, n_iter_no_change=1, tol=1e9).fit(X, Y)
    assert len(seen) == 1
    assert estimator.n_iter_ < 9


def test_a_fit_leaves_nothing_that_refers_to_itself():
    model = network()
    for _ in range(2):
        gc.collect()
        fit(model)
    assert gc.collect() == 0
