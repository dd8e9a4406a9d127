"""Copies of models, pickled ones too, train on alike and share nothing."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from test_continue import BreakOff, X, assert_same, network, y


@pytest.mark.parametrize("by", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_of_a_trained_model_trains_on_alike(by):
    model = network(["accuracy"])
    model.fit(X, y, epochs=2, validation_split=0.2, verbose=0)
    model.learning_rate_factor = 0.5
    twin = by(model)
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    assert twin._network.state.values.ctypes.data % 64 == 0
    for m in (model, twin):
        m.fit(X, y, epochs=2, validation_split=0.2, verbose=0)
    assert_same(model, twin)
    assert twin.learning_rate_factor == 0.5


def test_a_copy_shares_nothing():
    model = network()
    model.fit(X, y, epochs=1, verbose=0)
    before, twin = model.predict(X), copy.deepcopy(model)
    twin.fit(X, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.predict(X), before)
    assert len(model.history) == 1


def test_a_copy_made_in_mid_epoch_ends_it():
    model, whole = network(["accuracy"]), network(["accuracy"])
    whole.fit(X, y, epochs=2, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=2, callbacks=[BreakOff(30)], verbose=0)
    twin = pickle.loads(pickle.dumps(model))
    twin.fit(X, y, epochs=2, verbose=0)
    assert_same(twin, whole)


def test_a_copy_made_in_mid_epoch_is_not_changed_by_the_next_one():
    kept = []

    def keep(model, fraction):
        if not kept and fraction < 1:
            partial = model._network.__getstate__()["partial"]
            kept.extend([partial, copy.deepcopy(partial)])

    model, looking = network(["accuracy"]), BreakOff(10**9)
    looking.every_steps, looking.on_steps_end = 1, keep
    model.fit(X, y, epochs=3, callbacks=[looking], verbose=0)
    shared, then = map(vars, kept)
    for name, value in then.items():
        np.testing.assert_array_equal(shared[name], value)


def test_models_that_are_not_built_copy_too():
    model = network()
    twin = copy.deepcopy(model)
    for m in (model, twin):
        m.fit(X, y, verbose=0)
    assert_same(model, twin)


def test_a_model_does_not_keep_the_users_arrays():
    data = X.copy()
    model = network()
    model.fit(data, y, epochs=2, validation_split=0.2, verbose=0)
    model.predict(data)
    model.predict(data.astype(np.float64))
    model.evaluate(data, y)
    gone = weakref.ref(data)
    del data
    gc.collect()
    assert gone() is None
