"""Saving and loading: to the bit, in other processes, of every kind of model."""

import json
import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from safetensors.numpy import load_file
from test_continue import BreakOff, assert_same

import fastnn
from fastnn import (
    LBFGS,
    SGD,
    Activation,
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Dropout,
    NAdam,
    ReLU,
    RMSprop,
    Rprop,
    Sequential,
    Softmax,
    Standardize,
    layers,
    losses,
    schedules,
)
from fastnn.callbacks import Callback
from fastnn.datasets import load_digits

X, y = load_digits()


def network(optimizer=None, seed=3, metrics=("accuracy",), dtype="float32"):
    stack = [Standardize(), Dense(30), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax()]
    model = Sequential(stack, seed=seed, dtype=dtype)
    model.compile(optimizer or Adam(2e-3), metrics=list(metrics), clip_norm=5.0)
    return model


def through_a_file(model, folder, **settings):
    path = folder / "model.safetensors"
    model.save(path)
    return fastnn.load(path, **settings)


OPTIMIZERS = [
    SGD(0.1, momentum=0.9, nesterov=True),
    RMSprop(momentum=0.5),
    Adam(schedules.Cosine(3e-3, 500)),
    AdamW(1e-3, weight_decay=0.1),
    NAdam(),
    Rprop(),
    LBFGS(),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
def test_a_loaded_model_trains_on_to_the_bit(optimizer, tmp_path):
    model = network(optimizer)
    if isinstance(optimizer, LBFGS):
        model = Sequential([Dense(10), Softmax()], seed=0)
        model.compile(optimizer)
    settings = {"validation_split": 0.2, "verbose": 0}
    settings["batch_size"] = None if optimizer.full_batch else 32
    model.fit(X, y, epochs=3, **settings)
    twin = through_a_file(model, tmp_path)
    assert_same(model, twin)
    assert twin.history["seconds"] == model.history["seconds"]
    for m in (model, twin):
        m.fit(X, y, epochs=3, **settings)
    assert_same(model, twin)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_models_that_were_never_trained(dtype, tmp_path):
    model = network(dtype=dtype)
    twin = through_a_file(model, tmp_path)
    assert twin.dtype == model.dtype
    for m in (model, twin):
        m.fit(X, y, verbose=0)
    assert_same(model, twin)
    unset = Sequential([Dense(2, init="he_uniform")], seed=1)
    twin = through_a_file(unset, tmp_path)
    np.testing.assert_array_equal(unset.build(3).get_weights()[0], twin.build(3).get_weights()[0])
    with pytest.raises(ValueError, match="not compiled"):
        twin.fit(X, y)


def test_every_layer_and_loss_is_kept_with_its_settings(tmp_path):
    given = {
        "Dense": {"units": 7, "l1": 0.1, "l2": 0.25, "bias": False},
        "BatchNorm": {"momentum": 0.5, "epsilon": 1e-3},
        "Dropout": {"rate": 0.4},
        "LeakyReLU": {"slope": 0.3},
        "ELU": {"alpha": 0.5},
        "Members": {"k": 3, "init": "normal", "rate": 0.5},
        "Embedding": {"categories": 5, "size": 3, "column": 1, "rate": 0.5},
        "PeriodicEmbedding": {"size": 3, "frequencies": 2, "sigma": 0.5, "start": 1, "stop": 3},
        "PiecewiseLinearEncoding": {"knots": ((0.0, 1.5), (), (), (0.1, 0.2, 3.0)), "height": 2.0},
    }
    for name, cls in layers.LAYERS.items():
        if name == "Activation":
            continue
        fields = getattr(cls, "__dataclass_fields__", {})
        layer = cls(**{k: v for k, v in given.get(name, {}).items() if k in fields})
        first = name in ("Standardize", "Scale", "Members", "Embedding", "PiecewiseLinearEncoding")
        stack = [layer, Dense(3)] if first else [Dense(3), layer]
        twin = through_a_file(Sequential(stack, seed=0).build(4), tmp_path)
        assert twin.layers == tuple(stack), name
    for name, loss in losses.LOSSES.items():
        chosen = losses.Huber(delta=2.0) if name == "huber" else loss()
        last = {"cross_entropy": Softmax, "binary_cross_entropy": layers.Sigmoid}
        model = Sequential([Dense(3), last.get(name, layers.Identity)()], seed=0)
        model.compile(SGD(), chosen)
        assert through_a_file(model, tmp_path)._setup.loss == chosen, name


def test_all_settings_of_compile_are_kept(tmp_path):
    model = Sequential([Dense(10), Softmax()], seed=0)
    rate = schedules.OneCycle(1e-2, 900)
    model.compile(Adam(rate, beta_1=0.8), metrics=["acc", "top_3"], clip_norm=2, clip_value=3)
    twin = through_a_file(model, tmp_path)
    assert twin._setup.optimizer == model._setup.optimizer
    assert list(twin._setup.metrics) == ["accuracy", "top_3"]
    assert (twin._setup.clip_norm, twin._setup.clip_value) == (2, 3)
    assert twin.seed == 0


def test_frozen_layers_and_the_rate_factor_are_kept(tmp_path):
    model, other = network(), network(seed=5)
    other.build(64)
    model.initialize_from(other, freeze=3)
    model.learning_rate_factor = 0.25
    twin = through_a_file(model, tmp_path)
    assert twin._network.frozen == 3
    assert twin.learning_rate_factor == 0.25


def test_what_the_history_did_not_measure_is_kept(tmp_path):
    model = network()
    model.fit(X, y, epochs=3, validation_split=0.2, validation_freq=2, verbose=0)
    model.history.history["loss"][0] = np.inf
    twin = through_a_file(model, tmp_path)
    assert np.isnan(twin.history["val_loss"][0])
    assert twin.history["loss"][0] == np.inf
    assert list(twin.history.history) == list(model.history.history)


@pytest.mark.parametrize("seed", range(6))
def test_a_save_at_any_batch_goes_on_to_the_bit(seed, tmp_path):
    resume_at_a_random_batch(np.random.default_rng(seed), tmp_path)


@pytest.mark.nightly
def test_a_save_at_fifty_batches_goes_on_to_the_bit(tmp_path):
    rng = np.random.default_rng(99)
    for _ in range(50):
        resume_at_a_random_batch(rng, tmp_path)


class SaveAt(Callback):
    def __init__(self, step, path):
        self.every_steps, self.path = step, path

    def on_steps_end(self, model, fraction):
        if model.step == self.every_steps:
            model.save(self.path)


def resume_at_a_random_batch(rng, folder):
    step, metrics = int(rng.integers(1, 45 * 6)), [[], ["accuracy"]][rng.integers(2)]
    settings = {"validation_split": 0.2, "verbose": 0, "shuffle": bool(rng.integers(4))}
    path = folder / "model.safetensors"
    whole = network(metrics=metrics)
    whole.fit(X, y, epochs=6, callbacks=[SaveAt(step, path)], **settings)
    twin = fastnn.load(path)
    assert twin.step == step
    twin.fit(X, y, epochs=6 - twin.epoch, **settings)
    assert_same(twin, whole)


def run(code, *arguments):
    """A new process; what it prints as JSON."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_another_process_goes_on_to_the_bit(tmp_path):
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=4, callbacks=[BreakOff(100)], verbose=0)
    path = tmp_path / "model.safetensors"
    model.save(path)
    code = (
        "import json, sys, fastnn; from fastnn.datasets import load_digits; X, y = load_digits();"
        "m = fastnn.load(sys.argv[1]); m.fit(X, y, epochs=4 - m.epoch, verbose=0);"
        "print(json.dumps([m.history['loss'], float(m.predict(X).sum()), m.step]))"
    )
    losses_, total, step = run(code, path)
    model.fit(X, y, epochs=4 - model.epoch, verbose=0)
    assert losses_ == model.history["loss"]
    assert total == float(model.predict(X).sum())
    assert step == model.step == 4 * 57


def test_other_programs_can_read_the_arrays(tmp_path):
    model = network()
    model.fit(X, y, verbose=0)
    model.save(tmp_path / "m.safetensors")
    arrays = load_file(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(arrays["1.W"], model.get_weights()[2])
    assert {"1.W.slot_1", "1.W.slot_2", "2.gamma", "2.running", "5.b"} <= set(arrays)


def square(z):
    return z * z


def twice(z):
    return 2 * z


def half_wrong(y, prediction):
    return float(np.mean(prediction.argmax(1) != y) / 2)


def falling(steps):
    return 0.01 / (1 + steps)


def own_network():
    own = Activation(numba.njit(square), numba.njit(twice))
    model = Sequential([Dense(5), own, Dense(10), Softmax()], seed=0)
    model.compile(SGD(falling), metrics=[("half", half_wrong), "accuracy"])
    return model, {"square": own.function, "twice": own.derivative, "half": half_wrong}


def test_own_functions_are_handed_back_by_name(tmp_path):
    model, own = own_network()
    model.fit(X, y, epochs=2, verbose=0)
    twin = through_a_file(model, tmp_path, own={**own, "falling": falling})
    for m in (model, twin):
        m.fit(X, y, epochs=2, verbose=0)
    assert_same(model, twin)
    with pytest.raises(ValueError, match=r'own=\{"falling": falling, "half": half, "square"'):
        fastnn.load(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r'own=\{"falling": falling\}'):
        fastnn.load(tmp_path / "model.safetensors", own=own)


def test_own_functions_of_one_name_are_numbered(tmp_path):
    own = Activation(numba.njit(lambda z: z * z), numba.njit(lambda z: 2 * z))
    model = Sequential([Dense(10), own], seed=0).build(3)
    given = {"function": own.function, "function_2": own.derivative}
    twin = through_a_file(model, tmp_path, own=given)
    assert twin.layers[1] == own
    with pytest.raises(ValueError, match=r'own=\{"function": function, "function_2": function_2\}'):
        fastnn.load(tmp_path / "model.safetensors")


def test_parts_of_own_classes_are_refused(tmp_path):
    class Mine(Adam):
        pass

    model = Sequential([Dense(10), Softmax()], seed=0)
    model.compile(Mine())
    with pytest.raises(TypeError, match="of a class of your own"):
        model.save(tmp_path / "m")
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_not_there_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        fastnn.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        network().save(tmp_path / "nowhere" / "m")
