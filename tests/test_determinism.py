"""The same bits: after a pause, on any number of threads, from any form of X. And no recompilation.

`test_threads.py` has what happens around this: forks, limits, BLAS left alone.
"""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import ops
import pytest
from numba.core import event
from numpy.testing import assert_array_equal

import fastnn
from fastnn import (
    LBFGS,
    SGD,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    ReLU,
    Rprop,
    Sequential,
    Softmax,
    Standardize,
)
from fastnn.kernels.loop import door

two_threads = pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
OPTIMIZERS = {
    "sgd": SGD(0.05), "momentum": SGD(0.05, momentum=0.9),
    "nesterov": SGD(0.05, momentum=0.9, nesterov=True), "rmsprop": fastnn.RMSprop(),
    "rmsprop_momentum": fastnn.RMSprop(momentum=0.9), "adam": Adam(), "adamw": fastnn.AdamW(),
    "nadam": fastnn.NAdam(), "rprop": Rprop(),
    "schedule": Adam(lambda steps: 1e-2 / (1 + 0.1 * steps)),
}  # fmt: skip


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def data(rng, n, features, classes):
    return rng.normal(size=(n, features)).astype(np.float32), rng.integers(0, classes, n)


def assert_same_bits(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)
    for name in one.history.history.keys() - {"seconds"}:
        assert_array_equal(one.history[name], other.history[name])


def trained(layers, X, y, parts=(1,), optimizer=None, limits=None, **options):
    model = Sequential(layers, seed=7)
    loss = "cross_entropy" if isinstance(layers[-1], Softmax) else "mse"
    model.compile(optimizer=optimizer or Adam(), loss=loss, **(limits or {}))
    for epochs in parts:
        model.fit(X, y, epochs=epochs, verbose=0, **options)
    return model


# ---------------------------------------------------------------------- in parts


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_fits_of_10_are_one_of_20(name, rng):
    X, y = data(rng, 61, 6, 3)
    layers = [
        Standardize(), Dropout(0.1), Dense(12, l1=1e-4, l2=1e-3), BatchNorm(), ReLU(),
        Dropout(0.3), Dense(3), Softmax(),
    ]  # fmt: skip
    size = None if name == "rprop" else 10
    models = [
        trained(
            layers, X, y, parts, OPTIMIZERS[name], {"clip_norm": 1.0}, batch_size=size,
            validation_split=0.25, sample_weight=np.linspace(0, 2, 61),
        )
        for parts in ((20,), (10, 10), (1, 18, 1))
    ]  # fmt: skip
    assert models[0].history.epoch == list(range(1, 21))
    for model in models[1:]:
        assert_same_bits(models[0], model)


def test_predicting_and_validating_between_fits_changes_nothing(rng):
    X, y = data(rng, 61, 6, 3)
    layers = [Dense(12), BatchNorm(), ReLU(), Dropout(0.3), Dense(3), Softmax()]
    alone = trained(layers, X, y, (4,), batch_size=10)
    model = trained(layers, X, y, (2,), batch_size=10)
    model.predict(X)
    model.evaluate(X, y)
    fastnn.check_gradient(model, X, y)
    model.fit(X, y, epochs=2, batch_size=10, verbose=0)
    assert_same_bits(alone, model)


def test_lbfgs_gives_the_same_bits_again(rng):
    X, y = data(rng, 61, 6, 3)
    layers = [Dense(12), BatchNorm(), ReLU(), Dropout(0.3), Dense(3), Softmax()]
    models = [trained(layers, X, y, (15,), LBFGS(), batch_size=None) for _ in range(2)]
    assert_same_bits(*models)


# ---------------------------------------------------------------------- threads


LARGE = {
    "mnistbn": ((784, 512, 512, 10), 128, True, {}),
    "tab": ((54, 256, 256, 7), 256, True, {}),
    "tabnobn": ((54, 256, 256, 7), 256, False, {}),
    "clipped": ((54, 256, 256, 7), 256, True, {"clip_norm": 0.5}),
    "clipped by value": ((54, 256, 256, 7), 256, True, {"clip_value": 1e-3}),
}


def large(name, rng):
    """Layers, X, y and options whose steps are cut into several tasks; the last batch is short."""
    (features, *hidden, classes), size, batchnorm, limits = LARGE[name]
    layers = []
    for width in hidden:
        layers += [Dense(width, l2=1e-4), *[BatchNorm()] * batchnorm, ReLU(), Dropout(0.1)]
    X, y = data(rng, 3 * size + 5, features, classes)
    return [*layers, Dense(classes), Softmax()], X, y, {"batch_size": size, "limits": limits}


@two_threads
@pytest.mark.parametrize("name", LARGE)
def test_one_thread_and_two_leave_the_same_bits(name, rng, threads):
    layers, X, y, options = large(name, rng)
    models = []
    for n in (1, 2, 2):
        threads(n)
        models.append(trained(layers, X, y, (2,), validation_data=(X, y), **options))
    for model in models[1:]:
        assert_same_bits(models[0], model)
        assert_array_equal(models[0].predict(X), model.predict(X))


def test_two_models_trained_at_once_leave_the_bits_of_each_alone(rng):
    work = [large(name, rng) for name in ("tab", "mnistbn")]
    alone = [trained(*args[:3], (2,), **args[3]) for args in work]
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(trained, *args[:3], (2,), **args[3]) for args in work * 2]
        together = [job.result() for job in jobs]
    for a, b in zip(alone * 2, together, strict=True):
        assert_same_bits(a, b)


# ---------------------------------------------------------------- no recompilation


def test_another_architecture_optimizer_batch_size_or_loss_compiles_nothing(rng):
    X, y = data(rng, 61, 6, 3)
    # An embedding reads codes there.
    X[:, 1] = rng.integers(0, 3, 61)
    # With what every process compiles or loads once: the loop and its two entries.
    trained(*large("tab", rng)[:3], batch_size=256)
    trained([Dense(3)], X, rng.normal(size=(61, 3)), optimizer=LBFGS(), batch_size=None)
    loops = dict(door._ready)
    with (
        event.install_recorder("numba:compile") as compiled,
        event.install_recorder("numba:run_pass") as passes,
    ):
        for optimizer in OPTIMIZERS.values():
            trained([Dense(9), Softmax()], X, y, optimizer=optimizer, batch_size=None)
        for op in ops.TRAINED:
            if op.name != "own activation":
                target = y if op.name == "softmax" else rng.normal(size=(61, 3))
                trained(ops.network(op), X[:, :4], target, batch_size=13)
        for case in ops.LOSSES:
            if case.name != "own loss":
                model = Sequential([Dense(4), ReLU(), *case.head()], seed=0)
                model.compile(loss=case.loss())
                model.fit(X, case.targets(rng, 61), batch_size=7, verbose=0)
                model.evaluate(X, case.targets(rng, 61))
        for name in LARGE:
            trained(*large(name, rng)[:3], batch_size=100)
    assert compiled.buffer == []
    assert passes.buffer == []
    assert door._ready == loops


# ------------------------------------------------------------------- forms of data


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def mapped(X, folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


FORMS = {
    "float32": lambda X, folder: X.astype(np.float32),
    "float64": lambda X, folder: X.astype(np.float64),
    "uint8": lambda X, folder: X.astype(np.uint8),
    "int64": lambda X, folder: X.astype(np.int64),
    "byte-swapped": lambda X, folder: X.astype(">f4"),
    "fortran": lambda X, folder: np.asfortranarray(X, np.float32),
    "every other": lambda X, folder: np.repeat(np.repeat(X, 2, 0), 3, 1)[::2, ::3],
    "backwards": lambda X, folder: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda X, folder: read_only(X.astype(np.uint8)),
    "mapped": lambda X, folder: mapped(X.astype(np.uint8), folder),
    "mapped and byte-swapped": lambda X, folder: mapped(X.astype(">i2"), folder),
    "list": lambda X, folder: X.tolist(),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_x_does_not_change_a_bit_and_x_is_left_alone(form, rng, tmp_path):
    X, y = rng.integers(0, 255, (61, 6)), rng.integers(0, 3, 61)
    given, labels = FORMS[form](X, tmp_path), read_only(y)
    before = np.array(given)
    layers = [Standardize(), Dropout(0.1), Dense(8), BatchNorm(), ReLU(), Dense(3), Softmax()]
    options = {"validation_split": 0.2, "sample_weight": read_only(np.linspace(0, 1, 61))}
    plain = trained(layers, X.astype(np.float32), y, (3,), batch_size=8, **options)
    model = trained(layers, given, labels, (3,), batch_size=8, **options)
    assert_same_bits(plain, model)
    assert_array_equal(plain.predict(X), model.predict(given))
    model.recompute_batchnorm(given)
    assert_array_equal(np.array(given), before)
